private import Crypto
internal import Dispatching
package import JobModel
package import JobStore
package import PayloadSchema

/// A call of a function, as a surface has decoded it.
package struct Submission: Sendable {
    package enum Start: Equatable, Sendable {
        case now
        case after(Duration)
        case at(Timestamp)
    }

    package var function: String
    /// nil when there was no body.
    package var payload: [UInt8]?
    package var parameters: JSONObject
    /// The account that the credentials name.
    package var owner: String?
    /// For whoever has no account.
    package var clientAddress: String
    package var idempotencyKey: String?
    /// Method, path and query: with the body they are compared when a key comes again.
    package var requestLine: [String]
    package var start: Start
    /// Where the caller wants to be told that the job has ended.
    package var webhook: String?
    /// Fields of the call that the handler is to send on.
    package var forwarded: [HeaderField]

    package init(
        function: String, payload: [UInt8]?, parameters: JSONObject = JSONObject(), owner: String? = nil,
        clientAddress: String = "", idempotencyKey: String? = nil, requestLine: [String] = [], start: Start = .now,
        webhook: String? = nil, forwarded: [HeaderField] = []
    ) {
        self.webhook = webhook
        self.forwarded = forwarded
        self.function = function
        self.payload = payload
        self.parameters = parameters
        self.owner = owner
        self.clientAddress = clientAddress
        self.idempotencyKey = idempotencyKey
        self.requestLine = requestLine
        self.start = start
    }
}

package struct Accepted: Sendable, Equatable {
    /// Where the caller stands with each of the function's rate limits.
    package var rates: [RateStatus] = []
    package var id: JobID
    /// Accepted before, under the same key.
    package var replayed: Bool
    package var function: String
    /// As it stands; nil when it was accepted before and has gone since.
    package var job: JobSnapshot?
}

/// Why a call was not accepted.
package enum Refusal: Error, Equatable, Sendable {
    case unknownFunction
    case invalidJSON(JSONError)
    case idempotencyConflict
    /// A `rateLimit` is used up.
    case rateLimited(RateStatus)
    case queueFull(QueueFull)
    /// Further ahead than 30 days.
    case startTooLate
    case storeUnavailable(StoreError)
}

extension Refusal {
    /// nil for a function that nobody declared: names from outside are no labels.
    fileprivate var metric: EngineMetrics.Refused? {
        switch self {
        case .unknownFunction: nil
        case .invalidJSON: .invalidJSON
        case .idempotencyConflict: .idempotencyConflict
        case .rateLimited: .rateLimit
        case .queueFull: .queueFull
        case .startTooLate: .startTooLate
        case .storeUnavailable: .storeUnavailable
        }
    }
}

/// More queued jobs than `maxQueued` allows.
package struct QueueFull: Equatable, Sendable {
    package enum Scope: Sendable { case function, account, server }

    package var scope: Scope
    package var limit: Int
    /// When there may be room, in whole seconds.
    package var retryAfter: Int64
}

/// The door: checks a call in the order of CONTRACT 4 and makes it durable.
package final class Admission: Sendable {
    private let store: any JobStore
    private let deployment: CurrentDeployment
    private let clock: any EngineClock
    private let random: RandomSource
    private let gauges: FunctionGauges
    private let rates: RateLimiter
    private let metrics: EngineMetrics
    private let dispatcher: Dispatcher

    init(
        store: any JobStore, deployment: CurrentDeployment, clock: any EngineClock, random: RandomSource,
        gauges: FunctionGauges, rates: RateLimiter, metrics: EngineMetrics, dispatcher: Dispatcher
    ) {
        self.store = store
        self.deployment = deployment
        self.clock = clock
        self.random = random
        self.gauges = gauges
        self.rates = rates
        self.metrics = metrics
        self.dispatcher = dispatcher
    }

    package func submit(_ submission: Submission) async throws(Refusal) -> Accepted {
        do {
            return try await check(submission)
        } catch {
            if let reason = error.metric { metrics.update(submission.function) { $0.refused[reason, default: 0] += 1 } }
            throw error
        }
    }

    private func check(_ submission: Submission) async throws(Refusal) -> Accepted {
        let deployment = deployment.value
        guard let function = deployment.functions[submission.function] else { throw .unknownFunction }
        let payload = try check(
            submission.payload,
            needsValue: function.idempotency?.key?.root == .payload || function.limits.needPayload)
        let now = clock.now()
        let key = idempotencyKey(of: submission, payload: payload, function: function, now: now.steady)
        do {
            if let key, let known = try await store.recall(key, at: now.steady) {
                return try await known.answer(of: function.name, from: store)
            }
            let job = try newJob(
                submission, function: function, revision: deployment.revision, key: key, now: now)
            let source = KeySource(
                owner: submission.owner, client: submission.clientAddress, payload: payload,
                parameters: .object(submission.parameters))
            return try await enqueue(job, function: function, source: source, deployment: deployment, now: now)
        } catch let error as StoreError {
            throw .storeUnavailable(error)
        } catch let refusal as Refusal {
            throw refusal
        } catch {
            throw .storeUnavailable(.unavailable("\(error)"))
        }
    }

    /// Takes a place in the queue, in the rate windows and if possible a slot, and gives them back when the job is not
    /// accepted after all.
    private func enqueue(
        _ new: NewJob, function: Function, source: KeySource, deployment: Deployment, now: Moment
    ) async throws -> Accepted {
        var job = new
        let keys = LimitKeys.of(function, source)
        job.lane = keys.lane
        if let full = gauges.reserve(job.job, of: function, deployment: deployment) { throw Refusal.queueFull(full) }
        let statuses: [RateStatus]
        switch rates.take(function.limits.rate, keys: LimitKeys.rate(function, source), at: now.steady) {
        case .refused(let status):
            gauges.move(job.job, from: .queued, to: nil)
            throw Refusal.rateLimited(status)
        case .counted(let windows, let counted):
            job.windows = windows
            statuses = counted
        }
        let reservation = job.due <= now.steady ? dispatcher.reserve(function, keys, at: now) : nil
        if reservation != nil {
            job.start = NewJob.Start(
                terms: LeaseTerms(duration: Limits.lease, revision: deployment.revision), at: now)
        }
        var isAccepted = false
        defer {
            if !isAccepted {
                gauges.move(job.job, from: .queued, to: nil)
                rates.giveBack(job.windows)
                if let reservation { dispatcher.release(reservation, function, keys) }
            }
        }
        guard let result = try await store.enqueue([job], at: now.steady).first else { throw StoreError.closed }
        guard case .accepted(let id, let lease) = result else {
            return try await result.answer(of: function.name, from: store)
        }
        isAccepted = true
        job.job.id = id
        metrics.update(function.name) { $0.accepted += 1 }
        if let lease, let reservation {
            let live = LiveJob(
                job: job.job, progress: JobProgress(attempt: 1), lane: job.lane, due: job.due, deadline: job.deadline,
                lease: lease, revision: deployment.revision)
            dispatcher.begin(live, lease, reservation, function, keys, deployment)
        } else {
            if let reservation { dispatcher.release(reservation, function, keys) }
            dispatcher.hint(function.name, lane: job.lane, keys: keys, due: job.due)
        }
        let snapshot = JobSnapshot(
            job: job.job, state: .queued, progress: JobProgress(), runAt: job.due, deadline: job.deadline
        ).shown(at: now)
        return Accepted(rates: statuses, id: id, replayed: false, function: function.name, job: snapshot)
    }

    private func check(_ bytes: [UInt8]?, needsValue: Bool) throws(Refusal) -> JSONValue? {
        guard let bytes else { return nil }
        do {
            if needsValue { return try JSONParser.parse(bytes) }
            try JSONParser.validate(bytes)
            return nil
        } catch {
            throw .invalidJSON(error)
        }
    }

    private func newJob(
        _ submission: Submission, function: Function, revision: String, key: IdempotencyKey?, now: Moment
    ) throws(Refusal) -> NewJob {
        let asked: Timestamp =
            switch submission.start {
            case .now: now.steady
            case .after(let delay): now.steady + delay
            case .at(let time): max(now.steady, now.steadyTime(of: time))
            }
        guard asked <= now.steady + Limits.delay else { throw .startTooLate }
        let due = asked + function.delay
        let parameters = submission.parameters
        var job = Job(
            id: JobID(row: 0, random: random.next()), function: function.name, owner: submission.owner,
            revision: revision, createdAt: now.wall,
            scheduledFor: due > now.steady ? now.wallTime(of: due) : nil, priority: function.priority,
            payload: submission.payload,
            parameters: parameters.members.isEmpty ? nil : JSONValue.object(parameters).bytes,
            webhook: submission.webhook, forwarded: submission.forwarded)
        // Without an account the address says whose job it is: for its lane, and for `anonymous`.
        if submission.owner == nil || function.limits.needClient { job.client = submission.clientAddress }
        var namesWall: Timestamp?
        if case .at = submission.start, asked > now.steady { namesWall = now.wallTime(of: due) }
        return NewJob(
            job: job, due: due, deadline: due + function.maxWait, namesWall: namesWall, idempotency: key)
    }

    /// Scope: account (or address when there is none), function, key. Compared: request line and body bytes.
    private func idempotencyKey(
        of submission: Submission, payload: JSONValue?, function: Function, now: Timestamp
    ) -> IdempotencyKey? {
        var text = submission.idempotencyKey
        if text == nil, let path = function.idempotency?.key {
            let values = TemplateValues(payload: payload ?? .null, parameters: .object(submission.parameters))
            text = values[path]?.scalarText
        }
        guard let text else { return nil }
        return IdempotencyKey(
            scope: Self.keyScope(
                owner: submission.owner, clientAddress: submission.clientAddress, function: function.name, key: text),
            fingerprint: Self.hash(submission.requestLine, submission.payload ?? []),
            expires: now + function.idempotencyWindow)
    }

    /// Whose key it is, hashed: of an account, or of an address when there is none.
    static func keyScope(owner: String?, clientAddress: String, function: String, key: String) -> [UInt8] {
        hash([owner.map { "account:\($0)" } ?? "ip:\(clientAddress)", function, key], [])
    }

    /// Every text with its length before it, so that no two lists of texts hash the same input.
    private static func hash(_ texts: [String], _ bytes: [UInt8]) -> [UInt8] {
        var hash = SHA256()
        for text in texts {
            hash.update(data: Array("\(text.utf8.count):".utf8))
            hash.update(data: Array(text.utf8))
        }
        hash.update(data: bytes)
        return Array(hash.finalize())
    }
}

extension EnqueueResult {
    /// What a key that was used before comes to.
    fileprivate func answer(of function: String, from store: any JobStore) async throws -> Accepted {
        switch self {
        case .conflict: throw Refusal.idempotencyConflict
        case .accepted: throw StoreError.corrupt("a recalled key was accepted")
        case .replayed(let id):
            var job: JobSnapshot?
            if case .found(let found)? = try await store.fetch([id], including: []).first { job = found }
            return Accepted(id: id, replayed: true, function: function, job: job)
        }
    }
}
