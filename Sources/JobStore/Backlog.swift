package import JobModel

/// Live jobs of one function and one caller, by state.
package struct Backlog: Equatable, Sendable {
    package var function: String
    /// nil for jobs without an owner.
    package var owner: String?
    /// Of queued jobs without an owner; nil where it is not known, or not counted (`Job.stranger`).
    package var stranger: CallerAddress?
    package var queued: Int
    package var running: Int
    package var waiting: Int

    package init(
        function: String, owner: String? = nil, stranger: CallerAddress? = nil, queued: Int = 0, running: Int = 0,
        waiting: Int = 0
    ) {
        self.function = function
        self.owner = owner
        self.stranger = stranger
        self.queued = queued
        self.running = running
        self.waiting = waiting
    }
}
