internal import Dispatching
internal import JobModel
internal import JobStore
internal import Logging

/// Reads the first jobs of lanes whose keys nobody knows, and moves the jobs of lanes that the present rules would not make:
/// after a restart of another version, and after a reload that changes what keys are made of.
struct LaneReader: Sendable {
    /// Lanes read in one call.
    private static let width = 256
    /// Jobs moved in one commit.
    private static let batch = 500

    let store: any LaneStore
    let dispatcher: Dispatcher
    let logger: Logger

    /// Until nothing is left to read.
    func run() async {
        while !Task.isCancelled {
            let (unread, stale, isDone) = dispatcher.change { state in
                let unread = state.core.takeUnread(Self.width)
                let stale = state.core.takeStale(Self.width)
                let isDone = !state.core.needsReading && unread.isEmpty && stale.isEmpty
                if isDone || state.core.isDraining { state.isReading = false }
                return (unread, stale, isDone || state.core.isDraining)
            }
            if isDone { return }
            if !unread.isEmpty { await read(unread) }
            for token in stale { await move(token) }
        }
        dispatcher.change { $0.isReading = false }
    }

    private func read(_ tokens: [DispatchState.LaneToken]) async {
        let deployment = dispatcher.deployment.value
        let now = dispatcher.clock.now()
        let lanes = tokens.map { token in
            LaneAddress(
                function: token.function, lane: token.key,
                needsPayload: deployment.policy(of: token.function)?.function.limits.needPayload ?? false)
        }
        var heads: [LaneHead]
        do {
            heads = try await store.heads(of: lanes, at: now.steady).map { $0.keys(under: deployment) }
        } catch {
            logger.error("Cannot read queued jobs", metadata: ["error": "\(error)"])
            // One damaged row is no reason to leave the other lanes alone.
            heads = []
            for lane in lanes { heads.append(await head(of: lane, deployment, at: now.steady)) }
        }
        let time = dispatcher.clock.now()
        dispatcher.change { state in
            for (token, head) in zip(tokens, heads) {
                state.core.read(token, head, under: deployment.number, at: time)
            }
        }
    }

    private func head(of lane: LaneAddress, _ deployment: Deployment, at now: Timestamp) async -> LaneHead {
        do {
            return try await store.heads(of: [lane], at: now).first?.keys(under: deployment) ?? .empty
        } catch {
            return .failed(isStoreWide: error.isStoreWide)
        }
    }

    /// Jobs of a lane go to the lanes that they hash to, the earliest due first; none uses an attempt.
    private func move(_ token: DispatchState.LaneToken) async {
        let deployment = dispatcher.deployment.value
        let lane = LaneAddress(function: token.function, lane: token.key, needsPayload: true)
        var isEmpty = false
        do {
            let jobs = try await store.queued(in: lane, limit: Self.batch)
            let moves = jobs.map { queued in
                let function = deployment.policy(for: queued.job)?.declared
                return (
                    queued: queued,
                    keys: function.map { LimitKeys.of(queued.job, $0, queued.progress) }
                        ?? JobKeys(lane: token.key)
                )
            }
            let away = moves.filter { $0.keys.lane != token.key }
            if !away.isEmpty {
                try await store.move(
                    away.map { LaneMove(id: $0.queued.job.id, from: token.key, to: $0.keys.lane) })
            }
            let now = dispatcher.clock.now()
            dispatcher.change { state in
                for (queued, keys) in away {
                    state.core.hint(token.function, lane: keys.lane, keys: keys, due: queued.due, at: now)
                }
            }
            isEmpty = jobs.isEmpty
        } catch {
            logger.error(
                "Cannot move queued jobs to their lanes, trying again",
                metadata: ["function": "\(token.function)", "error": "\(error)"])
            try? await dispatcher.clock.sleep(
                untilMonotonic: dispatcher.clock.now().monotonic + Dispatcher.pauseAfterFailure)
        }
        let now = dispatcher.clock.now()
        dispatcher.change { $0.core.moved(token, isEmpty: isEmpty, at: now) }
    }
}

extension StoredHead {
    fileprivate func keys(under deployment: Deployment) -> LaneHead {
        switch self {
        case .empty: .empty
        case .later(let due): .later(due)
        case .due(let live):
            // Jobs of a function that has gone stay where they are.
            deployment.policy(for: live.job)?.declared.map { .job(LimitKeys.of(live.job, $0, live.progress)) } ?? .empty
        }
    }
}

extension StoreError {
    /// No single row is to blame.
    var isStoreWide: Bool {
        switch self {
        case .corrupt: false
        case .full, .unavailable, .syncFailed, .unsuitable, .busy, .closed: true
        }
    }
}
