internal import FoundationEssentials
internal import Glibc
internal import ServerHost

/// What people see on a terminal: colour and tables.
enum Terminal {
    /// Colour only where somebody looks (no-color.org).
    static let hasColor =
        isatty(STDOUT_FILENO) == 1 && (ProcessInfo.processInfo.environment["NO_COLOR"] ?? "").isEmpty

    enum Color: String { case red = "31", green = "32", yellow = "33", dim = "2", bold = "1" }

    static func paint(_ text: String, _ color: Color) -> String {
        hasColor ? escaped(text, color) : text
    }

    /// ECMA-48, "SGR - Select Graphic Rendition".
    static func escaped(_ text: String, _ color: Color) -> String { "\u{1B}[\(color.rawValue)m\(text)\u{1B}[0m" }

    /// What comes from outside must not move the cursor.
    static func plain(_ text: String) -> String { text.withoutControlCharacters }

    /// Columns as wide as their widest cell; numbers are right-aligned by whoever pads them.
    static func table(_ header: [String], _ rows: [[String]]) -> String {
        let all = [header] + rows
        let widths = header.indices.map { column in all.map { $0[column].count }.max() ?? 0 }
        return all.enumerated().map { index, row in
            let line = row.enumerated().map { column, cell in
                column == row.count - 1 ? cell : cell + String(repeating: " ", count: widths[column] - cell.count + 2)
            }.joined()
            return index == 0 ? paint(line, .dim) : line
        }.joined(separator: "\n")
    }

    static func color(ofStatus status: String) -> Color? {
        switch status {
        case "failed", "timeout": .red
        case "completed": .green
        case "processing": .yellow
        case "cancelled": .dim
        default: nil
        }
    }

    /// A duration in its two or three leading digits: `12ms`, `1.5s`, `42s`, `3m`, `2h`, `9d`.
    static func span(milliseconds: Int64) -> String {
        let seconds = milliseconds / 1000
        return switch milliseconds {
        case ..<1000: "\(milliseconds)ms"
        case ..<10_000: "\(seconds).\(milliseconds % 1000 / 100)s"
        case ..<120_000: "\(seconds)s"
        case ..<7_200_000: "\(seconds / 60)m"
        case ..<172_800_000: "\(seconds / 3600)h"
        default: "\(seconds / 86_400)d"
        }
    }
}
