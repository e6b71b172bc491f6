internal import JobModel
internal import JobStore
private import Synchronization

/// Writes the ends of attempts: whatever ends while a write is under way goes along with the next one.
///
/// Whoever adds an end while nobody writes becomes the writer, and writes until there is nothing left; everybody else has
/// done their part.
final class EndWriter: Sendable {
    /// An attempt that has ended and is not written yet.
    struct End: Sendable {
        var attempt: RunningAttempt
        var entry: Recorder.Entry
    }

    /// Told after each write, with when each job that went back to the queue is due.
    typealias Written = @Sendable ([End], _ dues: [Timestamp?]) -> Void

    private struct State {
        var ends: [End] = []
        var hasWriter = false
    }

    private let state = Mutex(State())
    private let recorder: Recorder

    init(recorder: Recorder) {
        self.recorder = recorder
    }

    /// True for whoever has to call `write` now.
    func add(_ end: End) -> Bool {
        state.withLock { state in
            state.ends.append(end)
            defer { state.hasWriter = true }
            return !state.hasWriter
        }
    }

    func write(_ written: @escaping Written) async {
        while true {
            let ends = take()
            guard !ends.isEmpty else { return }
            do {
                written(ends, try await recorder.recordOnce(ends.map(\.entry)))
            } catch {
                // What the store cannot take may be one of them: neither the others nor those to come wait for that.
                return await writeAlone(ends + resign(), written)
            }
        }
    }

    private func writeAlone(_ ends: [End], _ written: @escaping Written) async {
        await withDiscardingTaskGroup { group in
            for end in ends {
                group.addTask { written([end], await self.recorder.record([end.entry])) }
            }
        }
    }

    /// What has come; after nothing there is no writer any more.
    private func take() -> [End] {
        state.withLock { state in
            defer { state.ends = [] }
            if state.ends.isEmpty { state.hasWriter = false }
            return state.ends
        }
    }

    /// What has come; there is no writer any more.
    private func resign() -> [End] {
        state.withLock { state in
            defer { state = State() }
            return state.ends
        }
    }
}
