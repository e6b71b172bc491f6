package import JobModel

/// Live jobs of one function and one account, by state.
package struct Backlog: Equatable, Sendable {
    package var function: String
    /// nil for jobs without an owner.
    package var owner: String?
    package var queued: Int
    package var running: Int
    package var waiting: Int

    package init(function: String, owner: String? = nil, queued: Int = 0, running: Int = 0, waiting: Int = 0) {
        self.function = function
        self.owner = owner
        self.queued = queued
        self.running = running
        self.waiting = waiting
    }
}
