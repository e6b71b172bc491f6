internal import Foundation

/// What `DATABASE_URL` names.
enum Database: Sendable {
    /// `sqlite:sluice.db`, `sqlite:/var/lib/sluice/sluice.db`, `sqlite:///var/lib/sluice/sluice.db`.
    case sqlite(path: String)
    /// `discard:`, for benchmarks: jobs are accepted and forgotten.
    case discard

    init(url: String) throws(Settings.Problem) {
        if url == "discard:" {
            self = .discard
            return
        }
        if url.hasPrefix("postgres://") || url.hasPrefix("postgresql://") {
            throw .init(
                text: "DATABASE_URL names PostgreSQL, which this version does not have yet; use sqlite:sluice.db")
        }
        guard url.hasPrefix("sqlite:") else {
            // The rest may hold a password.
            let scheme = url.prefix { $0 != ":" }.prefix(20)
            throw .init(text: "DATABASE_URL begins with \"\(scheme)\"; write sqlite:PATH, for example sqlite:sluice.db")
        }
        var path = url.dropFirst(7)
        if path.hasPrefix("//") { path = path.dropFirst(2) }
        guard !path.isEmpty, path != ":memory:" else {
            throw .init(text: "DATABASE_URL names no file; write sqlite:PATH, for example sqlite:sluice.db")
        }
        self = .sqlite(path: String(path))
    }

    /// Whether anything that is accepted is kept.
    var isKept: Bool {
        switch self {
        case .sqlite: true
        case .discard: false
        }
    }

    /// Where it lies.
    var folder: String {
        switch self {
        case .sqlite(let path): URL(fileURLWithPath: path).deletingLastPathComponent().path
        case .discard: "."
        }
    }
}
