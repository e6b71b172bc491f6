/// Who reads a server's log; whoever knows the terminal decides.
package struct LogReader: Sendable {
    /// What a piece of a line means to its reader.
    package enum Accent: Sendable { case good, bad, warning, aside }

    /// Somebody who looks, rather than a program that collects.
    let isPerson: Bool
    private let color: @Sendable (String, Accent) -> String

    /// - Parameter color: the text as its reader sees it; the same text where there are no colours.
    package init(isPerson: Bool, color: @escaping @Sendable (String, Accent) -> String) {
        self.isPerson = isPerson
        self.color = color
    }

    package static let program = LogReader(isPerson: false) { text, _ in text }

    func paint(_ text: String, _ accent: Accent) -> String { color(text, accent) }
}
