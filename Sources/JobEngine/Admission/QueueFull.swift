/// More queued jobs than `maxQueued` allows.
package struct QueueFull: Equatable, Sendable {
    package enum Scope: Sendable { case function, account, server }

    package var scope: Scope
    package var limit: Int
    /// When there may be room, in whole seconds.
    package var retryAfter: Int64
}
