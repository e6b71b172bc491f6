internal import JobModel
internal import JobStore
private import Synchronization

/// Writes completions, and claims what starts in the slots that they leave, in one commit.
///
/// One write waits for the store at a time. It takes what has ended when the store begins it: under load that is all that
/// ended during the commit before. Whoever adds a completion while no write waits makes the next one.
final class CompletionWriter: Sendable {
    private struct State {
        var completions: [Completion] = []
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
    func add(_ completion: Completion) -> Bool {
        state.withLock { state in
            state.completions.append(completion)
            defer { state.isWaiting = true }
            return !state.isWaiting
        }
    }

    /// Whether a write waits for the store: it will ask what is to be claimed along.
    var isWaiting: Bool { state.withLock { $0.isWaiting } }

    func write(for dispatcher: Dispatcher) async {
        let batch = Batch()
        do {
            let (results, answers) = try await store.settle { batch.begin(self, dispatcher) }
            await batch.written(results, answers, recorder, dispatcher)
        } catch {
            let (completions, claim) = batch.given ?? (take(), nil)
            if let claim { dispatcher.failed(claim, error, besidesEnds: true) }
            await writeAlone(completions, for: dispatcher)
        }
    }

    /// What the store could not take may be one of them: neither the others nor those to come wait for that.
    private func writeAlone(_ completions: [Completion], for dispatcher: Dispatcher) async {
        await withDiscardingTaskGroup { group in
            for completion in completions {
                group.addTask {
                    let dues = await self.recorder.write([completion])
                    dispatcher.recorded([completion], dues: dues)
                }
            }
        }
    }

    private func take() -> [Completion] {
        state.withLock { state in
            defer { state = State() }
            return state.completions
        }
    }

    /// What one write has taken.
    private final class Batch: Sendable {
        private let taken = Mutex<(completions: [Completion], claim: Dispatcher.Claim?)?>(nil)

        /// nil when the store has not begun to write.
        var given: (completions: [Completion], claim: Dispatcher.Claim?)? { taken.withLock { $0 } }

        /// Called by the store inside its transaction: nothing is made here but a bounded plan.
        func begin(_ writer: CompletionWriter, _ dispatcher: Dispatcher) -> SettleBatch {
            let completions = writer.take()
            let claim = dispatcher.plan(besidesEnds: true)
            taken.withLock { $0 = (completions, claim) }
            return SettleBatch(settlements: completions.map(\.settlement), claim: claim?.batch)
        }

        func written(
            _ results: [SettleResult], _ answers: [ClaimedLane], _ recorder: Recorder, _ dispatcher: Dispatcher
        ) async {
            guard let (completions, claim) = given else { return }
            // What has been claimed runs before what has ended is gone: a drain waits for it.
            let back = claim.map { dispatcher.resolve($0, answers) } ?? []
            let dues = recorder.tell(completions.map(\.entry), completions.map(\.settlement), results)
            dispatcher.recorded(completions, dues: dues)
            if !back.isEmpty { await dispatcher.giveBack(back, by: recorder) }
        }
    }
}
