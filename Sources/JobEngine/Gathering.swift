private import Synchronization

/// Collects what comes while a write is under way, so that all of it goes along with the next one.
///
/// Whoever adds something while nobody writes becomes the writer, and writes until there is nothing left; everybody else has
/// done their part.
final class Gathering<Item: Sendable>: Sendable {
    private struct State {
        var items: [Item] = []
        var hasWriter = false
    }

    private let state = Mutex(State())

    /// True for whoever has to write now.
    func add(_ item: Item) -> Bool {
        state.withLock { state in
            state.items.append(item)
            defer { state.hasWriter = true }
            return !state.hasWriter
        }
    }

    /// For the writer: what has come. After nothing it is the writer no more.
    func take() -> [Item] {
        state.withLock { state in
            defer { state.items = [] }
            if state.items.isEmpty { state.hasWriter = false }
            return state.items
        }
    }

    /// The writer is one no more, and sees to what has come in another way.
    func resign() -> [Item] {
        state.withLock { state in
            defer { state = State() }
            return state.items
        }
    }
}
