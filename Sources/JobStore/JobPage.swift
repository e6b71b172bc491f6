package import JobModel

/// How much one look at many jobs may cost. Whoever reaches a bound answers with what there is by then, and says so.
package struct ReadBounds: Equatable, Sendable {
    /// Time on the reading thread, not counting the wait for one.
    package var milliseconds: Int64
    /// Bytes that are read, of payloads and values or of targets' answers; the first job is read in any case.
    package var bytes: Int
    /// A payload or value that is longer is left out.
    package var partBytes: Int
    /// The account that asks, which has a part of the readers only; nil for the operator's and the server's own reads.
    package var caller: String?

    package init(milliseconds: Int64 = .max, bytes: Int = .max, partBytes: Int = .max, caller: String? = nil) {
        self.milliseconds = milliseconds
        self.bytes = bytes
        self.partBytes = partBytes
        self.caller = caller
    }

    package static let none = ReadBounds()
}

/// One page of a list.
package struct JobPage: Sendable {
    /// Why a page ends before it is full although the list goes on.
    package enum Cut: String, Sendable {
        case time, size
    }

    package var jobs: [JobSnapshot]
    /// Where the next page begins; nil at the end.
    package var next: Int64?
    /// nil when the page is full, or the last.
    package var cut: Cut?

    package init(jobs: [JobSnapshot], next: Int64? = nil, cut: Cut? = nil) {
        self.jobs = jobs
        self.next = next
        self.cut = cut
    }
}

/// The attempts of several jobs.
package struct AttemptPage: Sendable {
    /// Those of each job, in the order in which the jobs were named; the last ones are missing where it was cut.
    package var attempts: [[Attempt]]
    package var cut: JobPage.Cut?

    package init(attempts: [[Attempt]], cut: JobPage.Cut? = nil) {
        self.attempts = attempts
        self.cut = cut
    }
}

/// How many jobs match; a lower bound when counting was cut short.
package struct JobCount: Equatable, Sendable {
    package var count: Int
    package var isExact: Bool

    package init(count: Int, isExact: Bool) {
        self.count = count
        self.isExact = isExact
    }
}
