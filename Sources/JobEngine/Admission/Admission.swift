internal import Dispatching
package import JobModel
package import JobStore
internal import PayloadSchema
internal import Timing

/// The door: checks calls in the order of CONTRACT 4 and makes them durable.
///
/// `submit(_:then:)` never waits: an event loop may call it. What takes a call further is the store, which answers after its
/// commit. `submit(_:)` is the same for whoever can wait.
package final class Admission: Sendable {
    /// What came of one call.
    package enum Answer: Sendable {
        case accepted(Accepted)
        case refused(Refusal)
        /// There is no room for it, but it has a key: when it was accepted before, `recall` says so, and that comes
        /// before a 429.
        case noRoom(Refusal, Recall)
    }

    /// A call that may have been accepted before.
    package struct Recall: Sendable {
        fileprivate var key: IdempotencyKey
        fileprivate var function: String
    }

    private let store: any JobStore
    private let deployment: CurrentDeployment
    private let clock: any EngineClock
    private let random: RandomSource
    private let counters: QueueCounters
    private let rates: RateLimiter
    private let metrics: EngineMetrics
    private let dispatcher: Dispatcher
    private let freeSpace: FreeSpace
    private let redirects: RedirectPlan

    init(
        store: any JobStore, deployment: CurrentDeployment, clock: any EngineClock, random: RandomSource,
        counters: QueueCounters, rates: RateLimiter, metrics: EngineMetrics, dispatcher: Dispatcher,
        freeSpace: FreeSpace, redirects: RedirectPlan
    ) {
        self.freeSpace = freeSpace
        self.redirects = redirects
        self.store = store
        self.deployment = deployment
        self.clock = clock
        self.random = random
        self.counters = counters
        self.rates = rates
        self.metrics = metrics
        self.dispatcher = dispatcher
    }

    /// Accepts or refuses each call; what is accepted is stored in one commit.
    ///
    /// A caller that gets `noRoom` asks `recall` what that comes to.
    ///
    /// - Parameter then: called exactly once, with the answers in the order of the calls: before this returns when there
    ///   is nothing to store, else after the commit, on the store's thread. It must not block.
    package func submit(_ submissions: [Submission], then: @escaping @Sendable ([Answer]) -> Void) {
        let checked = check(submissions)
        guard !checked.jobs.isEmpty else { return then(answers(to: checked, nil)) }
        store.enqueue(checked.jobs, at: checked.now.steady) { [self] stored in then(answers(to: checked, stored)) }
    }

    /// One call: most come alone.
    package func submit(_ submission: Submission, then: @escaping @Sendable (Answer) -> Void) {
        let deployment = deployment.value
        let now = clock.now()
        let call = call(submission, deployment, at: now)
        guard case .held(let reservation) = call else { return then(answer(to: call, nil, deployment, at: now)) }
        store.enqueue([reservation.job], at: now.steady) { [self] stored in
            then(
                answer(
                    to: call, stored.flatMap { $0.first.map { .success($0) } ?? .failure(.closed) }, deployment, at: now
                ))
        }
    }

    /// As above, for whoever can wait: what follows the commit is done where the task runs, not on the store's thread.
    package func submit(_ submissions: [Submission]) async -> [Result<Accepted, Refusal>] {
        let checked = check(submissions)
        var stored: Result<[EnqueueResult], StoreError>?
        if !checked.jobs.isEmpty {
            do {
                stored = .success(try await store.enqueue(checked.jobs, at: checked.now.steady))
            } catch {
                stored = .failure(error)
            }
        }
        var results: [Result<Accepted, Refusal>] = []
        for answer in answers(to: checked, stored) {
            switch answer {
            case .accepted(let accepted): results.append(.success(accepted))
            case .refused(let refusal): results.append(.failure(refusal))
            case .noRoom(let refusal, let recall): results.append(await self.recall(recall, or: refusal))
            }
        }
        return results
    }

    /// One call, for whoever can wait.
    package func submit(_ submission: Submission) async throws(Refusal) -> Accepted {
        let results: [Result<Accepted, Refusal>] = await submit([submission])
        return try results[0].get()
    }

    /// What a call that found no room comes to: accepted before, or refused.
    package func recall(_ call: Recall, or refusal: Refusal) async -> Result<Accepted, Refusal> {
        let known: EnqueueResult?
        do {
            known = try await store.recall(call.key, at: clock.now().steady)
        } catch {
            return .failure(refused(.storeUnavailable(error), call.function))
        }
        switch known {
        case .replayed(let id, let job)?:
            return .success(Accepted(replayed: id, of: call.function, job: job?.shown(at: clock.now())))
        case .conflict?: return .failure(refused(.idempotencyConflict, call.function))
        case .accepted?, nil: return .failure(refused(refusal, call.function))
        }
    }

    private func refused(_ refusal: Refusal, _ function: String) -> Refusal {
        if let reason = refusal.metric { metrics.update(function) { $0.refused[reason, default: 0] += 1 } }
        return refusal
    }
}

// From a call to what it holds, and from there to its answer.
extension Admission {
    /// How far a call came without the store.
    private enum Call {
        case held(AdmissionReservation)
        case refused(Refusal, function: String)
        case noRoom(Refusal, Recall)
    }

    /// Calls that were checked together, and under what.
    private struct Checked {
        var calls: [Call]
        /// Of the calls that hold what they need, in their order.
        var jobs: [NewJob]
        var deployment: Deployment
        var now: Moment
    }

    private func check(_ submissions: [Submission]) -> Checked {
        let deployment = deployment.value
        let now = clock.now()
        let calls = submissions.map { call($0, deployment, at: now) }
        let jobs = calls.compactMap { if case .held(let reservation) = $0 { reservation.job } else { nil } }
        return Checked(calls: calls, jobs: jobs, deployment: deployment, now: now)
    }

    /// - Parameter stored: what the store says of the jobs; nil when there were none.
    private func answers(to checked: Checked, _ stored: Result<[EnqueueResult], StoreError>?) -> [Answer] {
        var number = 0
        return checked.calls.map { call in
            var result: Result<EnqueueResult, StoreError>?
            if case .held = call {
                result = stored?.flatMap { results in
                    number < results.count ? .success(results[number]) : .failure(.closed)
                }
                number += 1
            }
            return answer(to: call, result, checked.deployment, at: checked.now)
        }
    }

    /// - Parameter stored: what the store says of a job that it was asked about.
    private func answer(
        to call: Call, _ stored: Result<EnqueueResult, StoreError>?, _ deployment: Deployment, at now: Moment
    ) -> Answer {
        switch call {
        case .refused(let refusal, let function): return .refused(refused(refusal, function))
        case .noRoom(let refusal, let recall): return .noRoom(refusal, recall)
        case .held(let reservation):
            switch close(reservation, with: stored ?? .failure(.closed), deployment, at: now) {
            case .success(let accepted): return .accepted(accepted)
            case .failure(let refusal): return .refused(refused(refusal, reservation.function.name))
            }
        }
    }

    private func call(_ submission: Submission, _ deployment: Deployment, at now: Moment) -> Call {
        do throws(Refusal) {
            guard let function = deployment.policy(of: submission.function, with: submission.options)?.declared else {
                throw Refusal.unknownFunction
            }
            let payload = try check(submission.payload, needsValue: function.readsPayload)
            let key = CallKey.of(submission, payload: payload, function: function, at: now.steady)
            let job = try newJob(
                submission, payload: payload, function: function, deployment: deployment, key: key, at: now)
            let source = KeySource(
                owner: submission.owner, client: submission.clientAddress, payload: payload,
                parameters: .object(submission.parameters), target: submission.options.target)
            do throws(Refusal) {
                return .held(try reserve(job, function: function, source: source, deployment: deployment, at: now))
            } catch {
                guard let key else { throw error }
                return .noRoom(error, Recall(key: key, function: function.name))
            }
        } catch {
            return .refused(error, function: submission.function)
        }
    }

    /// Takes a place, counts in the rate windows, looks whether the disk has room, and takes a slot if one is free; all of it or
    /// nothing.
    private func reserve(
        _ new: NewJob, function: Function, source: KeySource, deployment: Deployment, at now: Moment
    ) throws(Refusal) -> AdmissionReservation {
        let keys = LimitKeys.of(function, source)
        if let full = counters.reserve(new.job, of: function, deployment: deployment) { throw .queueFull(full) }
        switch rates.take(function.limits.rate, keys: LimitKeys.rate(function, source), at: now.steady) {
        case .refused(let status):
            counters.move(new.job, from: .queued, to: nil)
            throw .rateLimited(status)
        case .counted(let windows, let statuses):
            if let low = freeSpace.refusal(owner: new.job.owner, minimum: deployment.minFreeSpace, at: now) {
                counters.move(new.job, from: .queued, to: nil)
                rates.giveBack(windows)
                throw .lowSpace(low)
            }
            var job = new
            job.lane = keys.lane
            job.windows = windows
            let slot = job.due <= now.steady ? dispatcher.reserve(function, keys, at: now) : nil
            if slot != nil {
                job.start = NewJob.Start(revision: deployment.revision, at: now)
            }
            return AdmissionReservation(job: job, function: function, keys: keys, rates: statuses, slot: slot)
        }
    }

    /// The one end of a reservation: an accepted job keeps what it holds, everybody else gives it back.
    private func close(
        _ reservation: AdmissionReservation, with result: Result<EnqueueResult, StoreError>, _ deployment: Deployment,
        at now: Moment
    ) -> Result<Accepted, Refusal> {
        switch result {
        case .success(.accepted(let id, let lease)):
            return .success(keep(reservation, as: id, lease, deployment, at: now))
        case .success(.replayed(let id, let job)):
            giveBack(reservation)
            return .success(Accepted(replayed: id, of: reservation.function.name, job: job?.shown(at: now)))
        case .success(.conflict):
            giveBack(reservation)
            return .failure(.idempotencyConflict)
        case .failure(let error):
            giveBack(reservation)
            return .failure(.storeUnavailable(error))
        }
    }

    private func keep(
        _ reservation: AdmissionReservation, as id: JobID, _ lease: Lease?, _ deployment: Deployment, at now: Moment
    ) -> Accepted {
        var (new, function, keys) = (reservation.job, reservation.function, reservation.keys)
        new.job.id = id
        metrics.update(function.name) { $0.accepted += 1 }
        if let slot = reservation.slot, let lease {
            let live = LiveJob(
                job: new.job, progress: JobProgress(attempt: 1), lane: new.lane, due: new.due, deadline: new.deadline,
                lease: lease, revision: deployment.revision)
            dispatcher.begin(live, lease, slot, function, keys, deployment)
        } else {
            if let slot = reservation.slot { dispatcher.release(slot, function, keys) }
            dispatcher.hint(function.name, lane: new.lane, keys: keys, due: new.due)
        }
        let snapshot = JobSnapshot(
            job: new.job, state: .queued, progress: JobProgress(), runAt: new.due, deadline: new.deadline
        ).shown(at: now)
        return Accepted(rates: reservation.rates, id: id, replayed: false, function: function.name, job: snapshot)
    }

    private func giveBack(_ reservation: AdmissionReservation) {
        counters.move(reservation.job.job, from: .queued, to: nil)
        rates.giveBack(reservation.job.windows)
        if let slot = reservation.slot { dispatcher.release(slot, reservation.function, reservation.keys) }
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
        _ submission: Submission, payload: JSONValue?, function: Function, deployment: Deployment, key: IdempotencyKey?,
        at now: Moment
    ) throws(Refusal) -> NewJob {
        let asked: Timestamp =
            switch submission.start {
            case .now: now.steady
            case .after(let delay): now.steady + delay
            case .at(let time): max(now.steady, now.steadyTime(of: time))
            }
        guard asked <= now.steady + Limits.delay else { throw .startTooLate }
        let longest = deployment.anonymous.maxDelay
        if asked > now.steady + longest, submission.stranger != nil { throw .delayTooLong(longest) }
        let due = asked + function.delay
        let parameters = submission.parameters
        var options = submission.options
        if let redirect = redirects.pending(
            function, TemplateValues(payload: payload ?? .null, parameters: .object(parameters)))
        {
            options.pendingRedirect = redirect
        }
        var job = Job(
            id: JobID(row: 0, random: random.next()), function: function.name, type: submission.type,
            owner: submission.owner,
            revision: deployment.revision, createdAt: now.wall,
            scheduledFor: due > now.steady ? now.wallTime(of: due) : nil, priority: function.priority,
            payload: submission.payload,
            parameters: parameters.members.isEmpty ? nil : JSONValue.object(parameters).bytes,
            options: options)
        // Without an account the address says whose job it is: for its lane, and for `anonymous`.
        if submission.owner == nil || function.limits.needClient { job.client = submission.clientAddress }
        var namesWall: Timestamp?
        if case .at = submission.start, asked > now.steady { namesWall = now.wallTime(of: due) }
        return NewJob(
            job: job, due: due, deadline: due + function.maxWait, namesWall: namesWall, idempotency: key)
    }
}
