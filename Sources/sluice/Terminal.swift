internal import FoundationEssentials
internal import Glibc
internal import ServerHost

/// What people see on a terminal: colour and tables.
enum Terminal {
    /// Colour only where somebody looks (no-color.org).
    static let hasColor =
        isatty(STDOUT_FILENO) == 1 && (ProcessInfo.processInfo.environment["NO_COLOR"] ?? "").isEmpty

    static func paint(_ text: TerminalText, _ color: TerminalColor) -> TerminalText {
        hasColor ? text.painted(color) : text
    }

    /// Columns as wide as their widest cell; numbers are right-aligned by whoever pads them.
    static func table(_ header: [TerminalText], _ rows: [[TerminalText]]) -> TerminalText {
        let all = [header] + rows
        let widths = header.indices.map { column in all.map { $0[column].width }.max() ?? 0 }
        return all.enumerated().map { index, row in
            let line = row.enumerated().map { column, cell in
                column == row.count - 1 ? cell : cell.padded(to: widths[column] + 2)
            }.joined()
            return index == 0 ? paint(line, .dim) : line
        }.joined(separator: "\n")
    }

    static func color(ofStatus status: String) -> TerminalColor? {
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
