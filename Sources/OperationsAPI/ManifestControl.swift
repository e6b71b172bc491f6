package import FunctionManifest
package import JobModel

/// What the reload surface asks for; the composition root answers.
package protocol ManifestControl: Sendable {
    func status() async -> ManifestStatus
    /// Reads the file again and puts it in force, or keeps the last good revision and says why.
    func reload() async -> ReloadAnswer
    /// What a reload would do; with `bytes` as the file's content where they are given.
    func check(_ bytes: [UInt8]?) async -> ReloadAnswer
}

/// The manifest in force, and how the latest look at its file ended.
package struct ManifestStatus: Sendable {
    package var file: String
    package var revision: String
    package var loadedAt: Timestamp
    package var functions: Int
    /// Reloads since the start that changed something.
    package var reloads: Int
    /// nil when the file is what is in force.
    package var failure: ManifestFailure?

    package init(
        file: String, revision: String, loadedAt: Timestamp, functions: Int, reloads: Int, failure: ManifestFailure?
    ) {
        self.file = file
        self.revision = revision
        self.loadedAt = loadedAt
        self.functions = functions
        self.reloads = reloads
        self.failure = failure
    }
}

/// Why a manifest was not taken.
package struct ManifestFailure: Error, Equatable, Sendable {
    /// As people read it: every problem with its line.
    package var text: String
    /// Empty when the file could not be read.
    package var problems: [ManifestProblem]
    package var at: Timestamp

    package init(text: String, problems: [ManifestProblem], at: Timestamp) {
        self.text = text
        self.problems = problems
        self.at = at
    }

    /// The first error in one line.
    package var summary: String {
        guard let first = problems.first(where: { $0.severity == .error }) else { return text }
        let more = problems.filter { $0.severity == .error }.count - 1
        return "line \(first.line), column \(first.column): \(first.message)" + (more > 0 ? " (and \(more) more)" : "")
    }
}

package enum ReloadAnswer: Sendable {
    case taken(ReloadReport)
    case refused(ManifestFailure)
}

/// What a reload did, or would do.
package struct ReloadReport: Sendable {
    package var revision: String
    package var former: String
    package var changes: ManifestChanges
    /// Since when the revision in force has been.
    package var loadedAt: Timestamp
    /// Of the functions that are touched.
    package var live: [String: ManifestChanges.Live]
    package var warnings: [ManifestProblem]

    package init(
        revision: String, former: String, loadedAt: Timestamp, changes: ManifestChanges,
        live: [String: ManifestChanges.Live], warnings: [ManifestProblem]
    ) {
        self.revision = revision
        self.former = former
        self.loadedAt = loadedAt
        self.changes = changes
        self.live = live
        self.warnings = warnings
    }

    package var lines: [String] { changes.lines { live[$0] ?? ManifestChanges.Live(queued: 0, running: 0) } }
}
