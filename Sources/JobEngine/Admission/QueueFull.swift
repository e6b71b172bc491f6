/// More queued jobs than `maxQueued` allows.
package struct QueueFull: Equatable, Sendable {
    package enum Scope: Sendable {
        case function, account, server
        /// `anonymous.maxQueued` of the caller's address.
        case address
        /// What one address may have of the function's queue, and what all of them together may.
        case shareOfAddress, shareOfAddresses
    }

    package var scope: Scope
    package var limit: Int
    /// When there may be room, in whole seconds.
    package var retryAfter: Int64
}
