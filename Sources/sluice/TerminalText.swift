internal import PayloadSchema

/// What a command shows to people. What stands in its source is ours; every `String` that is put into it may be from outside, a
/// payload or a server's answer, and can do nothing to the terminal.
struct TerminalText: ExpressibleByStringInterpolation, Sendable {
    /// For the terminal as it is.
    let text: String

    private init(own text: String) { self.text = text }

    init(stringLiteral value: String) { self.init(own: value) }

    init(stringInterpolation: StringInterpolation) { self.init(own: stringInterpolation.text) }

    struct StringInterpolation: StringInterpolationProtocol {
        fileprivate var text = ""

        init(literalCapacity: Int, interpolationCount: Int) { text.reserveCapacity(literalCapacity) }

        mutating func appendLiteral(_ literal: String) { text += literal }
        mutating func appendInterpolation(_ foreign: some StringProtocol) {
            text += String(foreign).escapedForTerminal()
        }
        mutating func appendInterpolation(_ foreign: JSONValue) { text += foreign.text.escapedForTerminal() }
        /// Text with lines of its own.
        mutating func appendInterpolation(laidOut foreign: String) {
            text += foreign.escapedForTerminal(keepingLayout: true)
        }
        mutating func appendInterpolation(_ own: TerminalText) { text += own.text }
        mutating func appendInterpolation(_ number: some BinaryInteger) { text += String(number) }
    }

    func painted(_ color: TerminalColor) -> TerminalText { TerminalText(own: color.around(text)) }

    /// Characters that it takes up.
    var width: Int { text.count }

    func padded(to width: Int) -> TerminalText {
        TerminalText(own: text + String(repeating: " ", count: max(0, width - self.width)))
    }

    static func + (left: TerminalText, right: TerminalText) -> TerminalText {
        TerminalText(own: left.text + right.text)
    }
}

extension Sequence<TerminalText> {
    func joined(separator: TerminalText = "") -> TerminalText {
        var parts = makeIterator()
        guard var whole = parts.next() else { return "" }
        while let part = parts.next() { whole = whole + separator + part }
        return whole
    }
}
