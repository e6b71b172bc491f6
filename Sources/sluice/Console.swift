internal import FoundationEssentials
internal import Glibc
internal import PayloadSchema

/// What commands print: results on stdout, everything else on stderr. The only place that does: nothing comes to a terminal
/// but through `TerminalText`.
enum Console {
    private static let isTerminal = isatty(STDOUT_FILENO) == 1

    static func line(_ text: TerminalText) { print(text.text) }

    /// Moves the cursor of whoever looks; a file gets none of it.
    static func clear() {
        if isTerminal { print("\u{1B}[H\u{1B}[2J", terminator: "") }
    }

    /// JSON for programs: its bytes as they are, but where a terminal shows them. There it is the same JSON, escaped.
    static func json(_ value: JSONValue) { print(isTerminal ? value.text.escapedForTerminal() : value.text) }

    /// For programs that read lines, as `json`.
    static func machine(_ line: String) { print(isTerminal ? line.escapedForTerminal() : line) }

    /// For people who look; a pipe gets none of it.
    static func note(_ text: TerminalText) { StandardError.write("\(text)\n") }

    static func error(_ text: TerminalText) { StandardError.write("error: \(text)\n") }
}
