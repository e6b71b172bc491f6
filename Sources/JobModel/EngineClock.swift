/// Time and sleep, handed in: tests own theirs.
package protocol EngineClock: Sendable {
    func now() -> Moment
    /// Returns at the monotonic time, or throws CancellationError when the task is cancelled before.
    func sleep(untilMonotonic milliseconds: Int64) async throws

    /// Rings once at the monotonic time, in milliseconds, unless it is taken back before. Costs no task.
    ///
    /// - Parameter ring: called from a thread that rings for everybody; it must not block.
    func alarm(atMonotonic milliseconds: Int64, _ ring: @escaping @Sendable () -> Void) -> AlarmID

    /// Takes an alarm back; one that has rung is forgotten already.
    func dismiss(_ id: AlarmID)

    /// Goes on with the steady time of a former process: where the wall clock was ahead of it by `offset`, but not before
    /// `steady`. Called once, before anything goes by it.
    func resume(from steady: Timestamp, offset: Duration)
}

extension EngineClock {
    package func resume(from steady: Timestamp, offset: Duration) {}
}

/// An alarm that was set with an `EngineClock`.
package struct AlarmID: Hashable, Comparable, Sendable {
    private let number: UInt64

    package init(_ number: UInt64) { self.number = number }

    package static func < (left: AlarmID, right: AlarmID) -> Bool { left.number < right.number }
}
