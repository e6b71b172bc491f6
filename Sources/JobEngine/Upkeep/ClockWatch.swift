internal import JobModel
internal import JobStore
internal import Logging
internal import ServiceLifecycle
private import Synchronization

/// Notices that the wall clock was set: jobs that name a wall time move with it. And keeps how the steady clock stands, so that
/// the next process goes on with it.
package final class ClockWatch: Service {
    private static let interval: Int64 = 500
    /// After a restart at which the wall clock is behind, the steady clock stands still for no longer than this.
    private static let markInterval: Int64 = 60_000
    /// Small enough to share the writer with accepts.
    private static let batch = 500

    private struct State {
        /// What the jobs that name a wall time go by; nil until they have been looked at.
        var followed: Duration?
        var kept: ClockMark?
    }

    private let state = Mutex(State())
    private let store: any ClockStore
    private let dispatcher: Dispatcher
    private let clock: any EngineClock
    private let logger: Logger

    init(store: any ClockStore, dispatcher: Dispatcher, clock: any EngineClock, logger: Logger) {
        self.store = store
        self.dispatcher = dispatcher
        self.clock = clock
        self.logger = logger
    }

    package func run() async throws {
        await repeatedly(every: Self.interval, clock: clock) { await self.tick() }
        // A restart that follows goes on from here.
        try? await keep(clock.now())
    }

    /// Before anything that goes by the steady clock. What cannot be written now is written by a later round.
    func resume() async throws(StoreError) {
        let mark = try await store.clockMark()
        if let mark { clock.resume(from: mark.steady, offset: mark.offset) }
        state.withLock { $0.kept = mark }
        await tick()
    }

    /// One round; errors of the store are logged, the next round tries again.
    package func tick() async {
        do {
            try await look()
        } catch {
            logger.error("Cannot follow the wall clock", metadata: ["error": "\(error)"])
        }
    }

    private func look() async throws(StoreError) {
        let now = clock.now()
        let (followed, kept) = state.withLock { ($0.followed, $0.kept) }
        let isSet = followed.map { $0 != now.offset } ?? false
        if isSet {
            logger.notice(
                "The wall clock was set; jobs that name a wall time follow it",
                metadata: ["by": "\((now.offset - (followed ?? .zero)).inSeconds) s"])
        }
        // First what the next process goes by: it looks at all of them again.
        if kept.map({ $0.offset != now.offset || (now.steady - $0.steady).milliseconds >= Self.markInterval }) ?? true {
            try await keep(now)
        }
        guard followed != now.offset else { return }
        try await follow(now.offset)
        state.withLock { $0.followed = now.offset }
    }

    private func keep(_ now: Moment) async throws(StoreError) {
        let mark = ClockMark(steady: now.steady, offset: now.offset)
        try await store.keep(mark)
        state.withLock { $0.kept = mark }
    }

    private func follow(_ offset: Duration) async throws(StoreError) {
        var cursor: FollowedJobs.Cursor?
        repeat {
            let followed = try await store.follow(offset: offset, after: cursor, limit: Self.batch)
            for (function, lane) in followed.moved { dispatcher.hint(function, lane: lane.lane, due: lane.due) }
            cursor = followed.next
        } while cursor != nil
    }
}
