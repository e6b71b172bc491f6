internal import PayloadSchema

/// One thing that is wrong with a manifest, and where.
package struct ManifestProblem: Equatable, Sendable {
    package enum Severity: String, Sendable { case error, warning }

    package var severity = Severity.error
    /// From 1; columns count Unicode scalars.
    package var line: Int
    package var column: Int
    /// How many characters the carets underline; at least 1.
    package var length: Int
    /// The key's path and what is wrong with it.
    package var message: String
    /// What to do about it.
    package var help: String?
    /// Its line holds a secret, and is not shown: problems are printed where others can read them.
    package var isSecret = false
}

extension ManifestProblem {
    /// The form of CONTRACT 3: place, source line, carets, help.
    package func rendered(file: String, source: SourceLines) -> String {
        var text =
            "\(file.escapedForTerminal()):\(line):\(column): \(severity.rawValue): \(message.escapedForTerminal())\n"
        if !isSecret, let sourceLine = source[line] {
            let number = String(line)
            let gutter = String(repeating: " ", count: max(0, 5 - number.count)) + number
            let blank = String(repeating: " ", count: gutter.count)
            let (shown, indent) = Self.window(sourceLine, column: column)
            text += "\(gutter) | \(shown)\n"
            let carets = min(max(1, length), max(1, shown.unicodeScalars.count - indent.unicodeScalars.count))
            text += "\(blank) | \(indent)\(String(repeating: "^", count: carets))\n"
        }
        if let help { text += "      = help: \(help.escapedForTerminal())\n" }
        return text
    }

    /// The part of a line around a column, and what stands before the caret. What a terminal would act on takes up one
    /// character, so that the caret stays in its place.
    private static func window(_ line: String, column: Int) -> (shown: String, indent: String) {
        let width = 160
        let scalars = Array(line.unicodeScalars)
        let start = column > width ? min(column - 40, scalars.count) : 0
        let end = min(scalars.count, start + width)
        var shown = ""
        var indent = ""
        for (index, scalar) in scalars[start..<end].enumerated() {
            let visible = scalar == "\t" || !scalar.movesTerminal ? scalar : "\u{FFFD}"
            shown.unicodeScalars.append(visible)
            if start + index < column - 1 { indent.unicodeScalars.append(scalar == "\t" ? "\t" : " ") }
        }
        return (shown, indent)
    }
}

/// The lines of a source text, for showing them; numbered from 1.
package struct SourceLines: Sendable {
    private let lines: [String]

    package init(_ bytes: [UInt8]) {
        // A byte-order mark is not a character of the first line.
        let start = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
        lines = bytes[start...].split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).map { line in
            String(decoding: line.last == UInt8(ascii: "\r") ? line.dropLast() : line, as: UTF8.self)
        }
    }

    subscript(number: Int) -> String? { lines.indices.contains(number - 1) ? lines[number - 1] : nil }
}

/// Where a problem can be shown.
struct Span: Equatable, Sendable {
    var line: Int
    var column: Int
    var length: Int
}

/// Collects problems while a manifest is read, so that all are reported at once.
final class ProblemList {
    private(set) var problems: [ManifestProblem] = []

    func add(
        _ message: String, at span: Span, help: String? = nil, severity: ManifestProblem.Severity = .error,
        isSecret: Bool = false
    ) {
        problems.append(
            ManifestProblem(
                severity: severity, line: span.line, column: span.column, length: span.length, message: message,
                help: help, isSecret: isSecret))
    }

    var hasErrors: Bool { problems.contains { $0.severity == .error } }

    /// In the order of the file.
    var sorted: [ManifestProblem] {
        problems.enumerated()
            .sorted {
                ($0.element.line, $0.element.column, $0.offset) < ($1.element.line, $1.element.column, $1.offset)
            }
            .map(\.element)
    }
}
