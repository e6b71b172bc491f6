internal import JobStore

/// Why a server does not start, or why it ended.
package struct StartRefusal: Error {
    /// What would have to change; the command line makes an exit code of it.
    package enum Cause: Sendable {
        /// Nothing: another start may succeed.
        case temporary
        /// Manifest or settings.
        case configuration
        case failure
    }

    /// As people read it, with a line break at the end.
    package let text: String
    package let cause: Cause

    init(_ text: String, _ cause: Cause) {
        self.text = text.hasSuffix("\n") ? text : "error: \(text)\n"
        self.cause = cause
    }

    /// - Parameter what: what cannot be done.
    init(_ what: String, _ error: StoreError) {
        switch error {
        case .full, .unavailable, .syncFailed, .busy, .closed: self.init("\(what): \(error)", .temporary)
        case .unsuitable, .corrupt:
            self.init("\(what): \(error); name another file with --database or DATABASE_URL", .configuration)
        }
    }

    init(_ problem: DataFolder.Problem) {
        self.init(problem.text, problem.isTemporary ? .temporary : .configuration)
    }
}
