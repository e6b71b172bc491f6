internal import JobModel
internal import JobStore

/// Where a list's candidates come from, in the order of their rows: each index has some of the states.
enum ListSource: Hashable {
    /// All jobs, with a look at each one's state.
    case jobs, jobsOfFunction, jobsOfOwner
    /// Every end, with the value's first page: for completed jobs of all functions.
    case ended
    case unhappy(JobState), unhappyOfFunction(JobState), unhappyOfOwner(JobState)
    /// The whole queue.
    case live
    case running, runningOfOwner
    /// Sorted: `accounts.maxQueued` bounds it.
    case queuedOfOwner
    case waitingOfOwner

    private static let unhappyStates: [(JobFilter.Status, JobState)] = [
        (.failed, .failed), (.timeout, .timeout), (.cancelled, .cancelled),
    ]

    /// What an owner is shown comes from the owner's rows alone: how far a page reaches must not tell what others have.
    static func all(for filter: JobFilter) -> [(source: ListSource, states: Set<JobFilter.Status>)] {
        let hasOwner = filter.owner != nil
        let wanted = filter.states
        if wanted.count == JobFilter.Status.allCases.count
            || (wanted.contains(.completed) && (hasOwner || filter.function != nil))
        {
            let source: ListSource = hasOwner ? .jobsOfOwner : filter.function != nil ? .jobsOfFunction : .jobs
            return [(source, wanted)]
        }
        var sources: [(ListSource, Set<JobFilter.Status>)] = []
        if wanted.contains(.completed) { sources.append((.ended, [.completed])) }
        for (status, state) in Self.unhappyStates where wanted.contains(status) {
            let source: ListSource =
                hasOwner
                ? .unhappyOfOwner(state) : filter.function != nil ? .unhappyOfFunction(state) : .unhappy(state)
            sources.append((source, [status]))
        }
        let live = wanted.intersection(JobFilter.Status.live)
        guard !live.isEmpty else { return sources }
        if hasOwner {
            let queued = live.intersection([.pending, .delayed])
            if !queued.isEmpty { sources.append((.queuedOfOwner, queued)) }
            if live.contains(.processing) { sources.append((.runningOfOwner, [.processing])) }
            if live.contains(.waiting) { sources.append((.waitingOfOwner, [.waiting])) }
        } else {
            sources.append((live == [.processing] ? .running : .live, live))
        }
        return sources
    }

    /// The state that goes with ?3.
    var state: JobState? {
        switch self {
        case .unhappy(let state), .unhappyOfFunction(let state), .unhappyOfOwner(let state): state
        case .jobs, .jobsOfFunction, .jobsOfOwner, .ended, .live, .running, .runningOfOwner, .queuedOfOwner,
            .waitingOfOwner:
            nil
        }
    }

    /// Columns as `JobFacts` reads them. ?1 where to go on, ?3 a terminal state, ?4 a function's number, ?5 an owner's name,
    /// ?6 an owner's number. No value from outside is part of the text.
    func sql(newestFirst: Bool) -> String {
        let (row, from, condition) = parts
        let (before, order) = newestFirst ? ("<", "DESC") : (">", "ASC")
        let conditions = [condition, "\(row) \(before) ?1"].compactMap(\.self).joined(separator: " AND ")
        return "SELECT \(from) WHERE \(conditions) ORDER BY \(row) \(order)"
    }

    private var parts: (row: String, from: String, condition: String?) {
        switch self {
        case .jobs: ("j.row", JobFacts.ofJobs(index: nil), nil)
        case .jobsOfFunction: ("j.row", JobFacts.ofJobs(index: "jobs_function"), "j.function = ?4")
        case .jobsOfOwner: ("j.row", JobFacts.ofJobs(index: "jobs_owner"), "j.owner IS NOT NULL AND j.owner = ?5")
        case .ended: ("o.job", JobFacts.ofOutcomes(function: "NULL", index: nil), nil)
        case .unhappy:
            (
                "o.job", JobFacts.ofOutcomes(function: "NULL", index: "outcomes_unhappy"),
                "o.state <> 3 AND o.purge_at IS NOT NULL AND o.state = ?3"
            )
        case .unhappyOfFunction:
            (
                "o.job", JobFacts.ofOutcomes(function: "o.function", index: "outcomes_unhappy_function"),
                "o.state <> 3 AND o.purge_at IS NOT NULL AND o.function = ?4 AND o.state = ?3"
            )
        case .unhappyOfOwner:
            (
                "o.job", JobFacts.ofOutcomes(function: "o.function", index: "outcomes_unhappy_owner"),
                "o.state <> 3 AND o.purge_at IS NOT NULL AND o.owner IS NOT NULL AND o.owner = ?6 AND o.state = ?3"
            )
        case .live: ("q.row", JobFacts.ofQueue(index: nil), nil)
        case .running: ("q.row", JobFacts.ofQueue(index: "queue_running"), "q.state = 1")
        case .runningOfOwner: ("q.row", JobFacts.ofQueue(index: "queue_running"), "q.state = 1 AND q.owner = ?6")
        case .queuedOfOwner:
            (
                "q.row", JobFacts.ofQueue(index: "queue_owner"),
                "q.state = 0 AND q.owner IS NOT NULL AND q.owner = ?6"
            )
        case .waitingOfOwner: ("q.row", JobFacts.ofQueue(index: "queue_waiting"), "q.state = 2 AND q.owner = ?6")
        }
    }
}

/// What a filter looks at; a job's own row is read for jobs that match.
struct JobFacts {
    var row: Int64
    /// nil where the source has one function's jobs, or all are wanted.
    var function: Int64?
    /// nil where the source does not say; a look at the job's row then does.
    var createdAt: Timestamp?
    var state: JobState
    var due: Timestamp
    var completedAt: Timestamp?

    init(_ select: Statement) throws(StoreError) {
        row = select.integer(0)
        function = select.optionalInteger(1)
        createdAt = select.optionalTime(2)
        // A live row counts before the outcome of an earlier run.
        let live = select.optionalInteger(3)
        guard let raw = live ?? select.optionalInteger(5), let state = JobState(rawValue: raw) else {
            throw .corrupt("the job in row \(row) is neither queued nor ended")
        }
        self.state = state
        due = select.time(4)
        completedAt = live == nil ? select.optionalTime(6) : nil
    }

    static func ofJobs(index: String?) -> String {
        """
        j.row, j.function, j.created_at, q.state, q.due, o.state, o.completed_at
        FROM jobs j\(index.map { " INDEXED BY \($0)" } ?? "") LEFT JOIN queue q ON q.row = j.row
            LEFT JOIN outcomes o ON o.job = j.row AND o.run = (SELECT max(run) FROM outcomes WHERE job = j.row)
        """
    }

    static func ofOutcomes(function: String, index: String?) -> String {
        """
        o.job, \(function), NULL, NULL, NULL, o.state, o.completed_at
        FROM outcomes o\(index.map { " INDEXED BY \($0)" } ?? "")
        """
    }

    static func ofQueue(index: String?) -> String {
        """
        q.row, q.function, NULL, q.state, q.due, NULL, NULL
        FROM queue q\(index.map { " INDEXED BY \($0)" } ?? "")
        """
    }
}
