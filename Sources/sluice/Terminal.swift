internal import Foundation

/// What people see on a terminal: colour and tables.
enum Terminal {
    /// Colour only where somebody looks (no-color.org).
    static let hasColor =
        isatty(STDOUT_FILENO) == 1 && (ProcessInfo.processInfo.environment["NO_COLOR"] ?? "").isEmpty

    enum Color: String { case red = "31", green = "32", yellow = "33", dim = "2", bold = "1" }

    static func paint(_ text: String, _ color: Color) -> String {
        hasColor ? "\u{1B}[\(color.rawValue)m\(text)\u{1B}[0m" : text
    }

    /// What comes from outside must not move the cursor.
    static func plain(_ text: String) -> String {
        String(String.UnicodeScalarView(text.unicodeScalars.map { $0.value < 0x20 || $0.value == 0x7F ? " " : $0 }))
    }

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

    /// `3m ago`, `in 2h`: the largest unit that fits.
    static func relative(_ milliseconds: Int64) -> String {
        let seconds = abs(milliseconds) / 1000
        let text =
            seconds < 60
            ? "\(seconds)s"
            : seconds < 3600
                ? "\(seconds / 60)m"
                : seconds < 86_400
                    ? "\(seconds / 3600)h" : "\(seconds / 86_400)d"
        return milliseconds > 999 ? "in \(text)" : "\(text) ago"
    }
}
