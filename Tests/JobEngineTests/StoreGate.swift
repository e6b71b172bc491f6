import Timing

/// Holds up calls of a store: the first who comes, and all until it is opened.
final class StoreGate: Sendable {
    /// Set when the first has come.
    let reached = OneShot<Void>()
    let opened = OneShot<Void>()

    func pass() async {
        reached.set(())
        if opened.current == nil { _ = await opened.value() }
    }
}
