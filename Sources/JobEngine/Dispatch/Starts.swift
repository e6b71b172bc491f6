internal import Dispatching
internal import JobModel
internal import JobStore

// The three ways to a start: at the door, by the loop, beside ends. Each reserves, and each closes what it reserved.
extension Dispatcher {
    /// A slot for a job that is being accepted; nil when it has to queue. Who gets one calls `begin` or `release`.
    func reserve(_ function: Function, _ keys: JobKeys, at now: Moment) -> ReservationID? {
        change { state in
            state.isUp ? state.core.reserveForAccept(function.name, keys, at: now) : nil
        }
    }

    /// The job was not accepted, or was accepted before.
    func release(_ reservation: ReservationID, _ function: Function, _ keys: JobKeys) {
        let now = clock.now()
        change {
            _ = $0.core.resolve(
                door: reservation, function.name, keys, isAccepted: false, under: deployment.value.number, at: now)
        }
    }

    /// The job was accepted and holds its lease: it starts now.
    func begin(
        _ live: LiveJob, _ lease: Lease, _ reservation: ReservationID, _ function: Function, _ keys: JobKeys,
        _ deployment: Deployment
    ) {
        let now = clock.now()
        let isStale = change { state in
            let number = state.core.resolve(
                door: reservation, function.name, keys, isAccepted: true, under: deployment.number, at: now)
            guard let number else { return false }
            let attempt = RunningAttempt(
                number: number, live: live, function: function, revision: deployment.revision, lease: lease,
                startedAt: now)
            state.running[live.job.id] = attempt
            state.handed.append(attempt)
            return deployment.number != state.core.number
        }
        if isStale { rekeyStale() }
    }

    /// A claim that was planned, and what the store needs to make it.
    struct Claim {
        var planned: PlannedClaim
        var batch: ClaimBatch
    }

    /// What may start now.
    func plan(besidesEnds: Bool) -> Claim? {
        let revision = deployment.value.revision
        let now = clock.now()
        return change { state in
            // One claim beside ends is one commit less than two.
            guard besidesEnds || !isClaimComing(), state.isUp,
                now.monotonic >= (besidesEnds ? state.claimsBesideEndsFrom : state.claimsFrom),
                let planned = state.core.plan(at: now, besidesEnds: besidesEnds)
            else { return nil }
            return Claim(planned: planned, batch: ClaimBatch(planned.lanes, revision: revision, at: now))
        }
    }

    /// The store has answered: what starts is handed to the loop.
    ///
    /// - Returns: what has to go back, with the lane of its present keys; whoever has written that calls `returned`.
    func resolve(_ claim: Claim, _ answers: [ClaimedLane]) -> [(live: LiveJob, lane: Int64)] {
        let deployment = deployment.value
        let now = clock.now()
        let lanes = answers.map { answer in
            LaneAnswer(
                jobs: answer.jobs.map { live in
                    deployment.policy(for: live.job)?.declared.map { LimitKeys.of(live.job, $0, live.progress) }
                        ?? JobKeys(lane: live.lane)
                }, nextDue: answer.nextDue)
        }
        let (back, isStale) = change { state in
            let starts = state.core.resolve(
                claim.planned.reservation, .answered(lanes), under: deployment.number, at: now)
            var back: [(live: LiveJob, lane: Int64)] = []
            for ((answer, lane), starts) in zip(zip(answers, lanes), starts) {
                for ((live, keys), start) in zip(zip(answer.jobs, lane.jobs), starts) {
                    if !state.take(start, live, deployment, at: now) { back.append((live, keys.lane)) }
                }
            }
            for (live, _) in back { state.returning[live.job.id] = live.lease }
            return (back, deployment.number != state.core.number)
        }
        if isStale { rekeyStale() }
        return back
    }

    /// Claimed jobs go back that did not start, each into this lane.
    func giveBack(_ jobs: [(live: LiveJob, lane: Int64)], by recorder: Recorder) async {
        await recorder.giveBack(jobs)
        returned(jobs)
        for (live, lane) in jobs { hint(live.job.function, lane: lane, due: live.due) }
    }

    /// They went back to the queue, or nobody tries that any more.
    private func returned(_ jobs: [(live: LiveJob, lane: Int64)]) {
        change { state in
            for (live, _) in jobs where state.returning[live.job.id] == live.lease {
                state.returning[live.job.id] = nil
            }
        }
    }

    func failed(_ claim: Claim, _ error: StoreError, besidesEnds: Bool) {
        let now = clock.now()
        // A damaged row is one lane's; a store that cannot work is everybody's.
        let isStoreWide = error.isStoreWide
        change { state in
            _ = state.core.resolve(
                claim.planned.reservation, .failed(isStoreWide: isStoreWide), under: state.core.number, at: now)
            // The loop's own claim says what is wrong, and spoils nobody's ends.
            state.claimsBesideEndsFrom = now.monotonic + Self.pauseAfterFailure
            if !besidesEnds, isStoreWide {
                state.claimsFrom = now.monotonic + Self.pauseAfterFailure
                state.isPausing = true
            }
        }
        wakeLoop()
    }

    /// The attempt has ended: its slot is free.
    func ended(_ attempt: RunningAttempt, _ reply: TargetReply) -> TargetChange {
        let now = clock.now()
        return change { $0.core.ended(attempt.number, reply, at: now) }
    }

    /// Ends are written, or others have ended the jobs.
    ///
    /// - Parameter dues: when each job that went back to the queue is due.
    func recorded(_ completions: [Completion], dues: [Timestamp?]) {
        let now = clock.now()
        change { state in
            for (completion, due) in zip(completions, dues) {
                let attempt = completion.attempt
                let job = attempt.live.job
                state.core.recorded(attempt.number, at: now)
                // The job's next attempt may have been claimed before this one's end was noted.
                if state.running[job.id]?.lease == attempt.lease { state.running[job.id] = nil }
                guard let due else { continue }
                let lane = completion.keys?.lane ?? attempt.live.lane
                state.core.hint(job.function, lane: lane, keys: completion.keys, due: due, at: now)
            }
        }
    }
}

extension Dispatcher.State {
    /// False when the job goes back.
    fileprivate mutating func take(
        _ start: Start, _ live: LiveJob, _ deployment: Deployment, at now: Moment
    ) -> Bool {
        guard case .attempt(let number) = start, let lease = live.lease,
            let function = deployment.policy(for: live.job)?.function
        else {
            if case .attempt(let number) = start {
                _ = core.ended(number, .unknown, at: now)
                core.recorded(number, at: now)
            }
            return false
        }
        let attempt = RunningAttempt(
            number: number, live: live, function: function, revision: deployment.revision, lease: lease,
            startedAt: now)
        running[live.job.id] = attempt
        handed.append(attempt)
        return true
    }
}
