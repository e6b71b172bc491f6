internal import FoundationEssentials
internal import Glibc
internal import ServerHost

/// What goes to stderr. A line that cannot be written (a full disk, a closed pipe) is dropped: nothing that is said may
/// end the process.
enum StandardError {
    /// Colour only where somebody looks (no-color.org).
    static let hasColor =
        isatty(STDERR_FILENO) == 1 && (ProcessInfo.processInfo.environment["NO_COLOR"] ?? "").isEmpty

    static func write(_ text: TerminalText) {
        let bytes = Array(text.text.utf8)
        var written = 0
        while written < bytes.count {
            let count = bytes[written...].withUnsafeBytes { Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count) }
            if count > 0 { written += count } else if errno != EINTR { return }
        }
    }
}

extension LogReader {
    /// Whoever is at the other end of stderr.
    static let onStandardError = LogReader(isPerson: isatty(STDERR_FILENO) == 1) { text, accent in
        StandardError.hasColor ? accent.color.around(text) : text
    }
}

extension LogReader.Accent {
    fileprivate var color: TerminalColor {
        switch self {
        case .good: .green
        case .bad: .red
        case .warning: .yellow
        case .aside: .dim
        }
    }
}
