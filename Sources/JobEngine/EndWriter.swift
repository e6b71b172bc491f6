internal import JobModel
internal import JobStore
private import Synchronization

/// Writes the ends of attempts, and claims what starts in the slots that they leave, in one commit.
///
/// One write waits for the store at a time. It takes what has ended when the store begins it: under load that is all that
/// ended during the commit before. Whoever adds an end while none waits makes the next.
final class EndWriter: Sendable {
    /// An attempt that has ended and is not written yet.
    struct End: Sendable {
        var attempt: RunningAttempt
        var entry: Recorder.Entry
    }

    /// What else a write means; the dispatcher says it.
    protocol Owner: Sendable {
        /// What is to be claimed along; called by the store, when it begins to write.
        func claimAlong() -> Claim?
        /// - Parameters:
        ///   - dues: when each job that went back to the queue is due.
        ///   - claimed: the claim that went along, and what it has got.
        func written(_ ends: [End], dues: [Timestamp?], claimed: (Claim, [ClaimAnswer])?) async
        /// A claim has failed with the write that it went along with.
        func failed(_ claim: Claim)
    }

    /// What is claimed, and under which deployment: the jobs begin under it even when another is in force by then.
    struct Claim: Sendable {
        var request: ClaimRequest
        var deployment: Deployment
    }

    private struct State {
        var ends: [End] = []
        /// A write has been asked for that will take them.
        var isWaiting = false
    }

    private let state = Mutex(State())
    private let store: any JobStore
    private let recorder: Recorder

    init(store: any JobStore, recorder: Recorder) {
        self.store = store
        self.recorder = recorder
    }

    /// True for whoever has to call `write` now.
    func add(_ end: End) -> Bool {
        state.withLock { state in
            state.ends.append(end)
            defer { state.isWaiting = true }
            return !state.isWaiting
        }
    }

    /// Whether a write waits for the store: it will ask what is to be claimed along.
    var isWaiting: Bool { state.withLock { $0.isWaiting } }

    func write(for owner: some Owner) async {
        let batch = Batch()
        do {
            let (results, claimed) = try await store.settle { batch.begin(self, owner) }
            await batch.told(results, claimed, recorder, owner)
        } catch {
            let (ends, claim) = batch.given ?? (take(), nil)
            if let claim { owner.failed(claim) }
            await writeAlone(ends, for: owner)
        }
    }

    /// What the store could not take may be one of them: neither the others nor those to come wait for that.
    private func writeAlone(_ ends: [End], for owner: some Owner) async {
        await withDiscardingTaskGroup { group in
            for end in ends {
                group.addTask {
                    await owner.written([end], dues: self.recorder.record([end.entry]), claimed: nil)
                }
            }
        }
    }

    private func take() -> [End] {
        state.withLock { state in
            defer { state = State() }
            return state.ends
        }
    }

    /// What one write has taken.
    private final class Batch: Sendable {
        private struct Taken {
            var ends: [End]
            var settlements: [Settlement]
            var claim: Claim?
        }

        private let taken = Mutex<Taken?>(nil)

        /// nil when the store has not begun to write.
        var given: (ends: [End], claim: Claim?)? { taken.withLock { $0.map { ($0.ends, $0.claim) } } }

        func begin(_ writer: EndWriter, _ owner: some Owner) -> SettleBatch {
            let ends = writer.take()
            let settlements = writer.recorder.settlements(of: ends.map(\.entry))
            let claim = owner.claimAlong()
            taken.withLock { $0 = Taken(ends: ends, settlements: settlements, claim: claim) }
            return SettleBatch(settlements: settlements, claim: claim?.request)
        }

        func told(
            _ results: [SettleResult], _ claimed: [ClaimAnswer], _ recorder: Recorder, _ owner: some Owner
        ) async {
            guard let taken = taken.withLock({ $0 }) else { return }
            let dues = recorder.tell(taken.ends.map(\.entry), taken.settlements, results)
            await owner.written(taken.ends, dues: dues, claimed: taken.claim.map { ($0, claimed) })
        }
    }
}
