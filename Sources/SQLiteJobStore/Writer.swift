private import Dispatch
internal import JobModel
internal import JobStore
private import Platform
internal import Synchronization

/// The one connection that writes, on a thread of its own.
///
/// Group commit: the thread takes every request that has come since the last commit, runs them in one transaction and
/// completes them after it is on disk. Under load batches form by themselves; nobody waits for company.
final class Writer: Sendable {
    /// So many requests share a transaction at most: it bounds how long the first of them waits for the last.
    private static let batchLimit = 512

    private struct State {
        var pending: [any PendingWrite] = []
        /// Set once: every later request gets it.
        var refusal: StoreError?
        /// Nothing is committed any more: see `onFatal`.
        var isFatal = false
        var hasEnded = false
        /// Who waits for the end.
        var ending: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Mutex(State())
    private let counted = Mutex(StoreStatistics())
    private let arrived = DispatchSemaphore(value: 0)
    private let health: StoreHealth
    private let onFatal: @Sendable (StoreError) -> Void
    private let uptime: @Sendable () -> Int64

    /// - Parameters:
    ///   - uptime: nanoseconds of a monotonic clock, for the statistics and for checkpoints that are tried again.
    ///   - onFatal: called once after a sync failed. The system may have dropped what it could not write, and says so once
    ///     only (lwn.net/Articles/752063): a later sync that succeeds proves nothing. Nothing is committed or acknowledged
    ///     from then on; the process should exit and recover.
    init(
        _ session: sending WriterSession, health: StoreHealth, uptime: @escaping @Sendable () -> Int64,
        onFatal: @escaping @Sendable (StoreError) -> Void
    ) {
        self.health = health
        self.onFatal = onFatal
        self.uptime = uptime
        let handedOver = HandedOver(session)
        NamedThread.start("sluice-writer") { [self] in
            run(handedOver.session)
        }
    }

    /// Moves the session to the thread that owns it from then on.
    private struct HandedOver: @unchecked Sendable {  // Used by the writer's thread only, after this hand-over.
        let session: WriterSession
        init(_ session: WriterSession) { self.session = session }
    }

    /// Runs `body` in a transaction and returns after that is durable.
    func perform<Value: Sendable>(
        _ body: @escaping @Sendable (WriterSession) throws(StoreError) -> Value
    ) async throws(StoreError) -> Value {
        let result = await withUnsafeContinuation { continuation in
            perform(body) { continuation.resume(returning: $0) }
        }
        return try result.get()
    }

    /// Runs `body` in a transaction; does not wait for it.
    ///
    /// - Parameter then: called exactly once, after the commit or with what went wrong: on the writer's thread, or before this
    ///   returns when nothing is taken any more. It must not block.
    func perform<Value: Sendable>(
        _ body: @escaping @Sendable (WriterSession) throws(StoreError) -> Value,
        then: @escaping @Sendable (Result<Value, StoreError>) -> Void
    ) {
        submit(Write(body: body, then: then))
    }

    var statistics: StoreStatistics { counted.withLock { $0 } }

    /// Lets everything submitted before finish, then ends the thread and closes the connection.
    func close() async {
        stop()
        await withCheckedContinuation { continuation in
            let hasEnded = state.withLock { state in
                if !state.hasEnded { state.ending.append(continuation) }
                return state.hasEnded
            }
            if hasEnded { continuation.resume() }
        }
    }

    /// Refuses everything from now on; the thread ends when it has written what came before.
    func stop() {
        refuse(.closed)
        arrived.signal()
    }

    private func submit(_ write: any PendingWrite) {
        let (refusal, wasEmpty) = state.withLock { state in
            if let refusal = state.refusal { return (StoreError?.some(refusal), false) }
            state.pending.append(write)
            return (nil, state.pending.count == 1)
        }
        if let refusal {
            write.finish(refusal)
        } else if wasEmpty {
            arrived.signal()
        }
    }

    /// What comes next; nil when everything is done and nothing more is taken.
    private func take() -> [any PendingWrite]? {
        state.withLock { state in
            if state.pending.isEmpty, state.refusal != nil { return nil }
            guard state.pending.count > Self.batchLimit else {
                defer { state.pending = [] }
                return state.pending
            }
            defer { state.pending.removeFirst(Self.batchLimit) }
            return Array(state.pending[..<Self.batchLimit])
        }
    }

    private func run(_ session: WriterSession) {
        while let batch = take() {
            if batch.isEmpty { arrived.wait() } else { commit(batch, session) }
        }
        if isFatal { session.connection.abandon() } else { session.connection.close() }
        let waiting = state.withLock { state in
            state.hasEnded = true
            defer { state.ending = [] }
            return state.ending
        }
        waiting.forEach { $0.resume() }
    }

    private func commit(_ batch: [any PendingWrite], _ session: WriterSession) {
        if let refusal = state.withLock({ $0.isFatal ? $0.refusal : nil }) {
            batch.forEach { $0.finish(refusal) }
            return
        }
        let start = uptime()
        let displacement = session.files.displacement
        health.set(.displaced, displacement)
        do throws(StoreError) {
            try session.begin()
            for write in batch { try write.run(session) }
            try session.tallies.write(on: session.connection)
            if let displacement, session.hasChanged { throw StoreError.unavailable(displacement) }
        } catch {
            session.rollBack()
            // One request spoiled the batch, or the disk did: alone, each gets its own answer.
            if batch.count > 1, !error.isFatal {
                for write in batch { commit([write], session) }
            } else {
                fail(batch, error, session)
            }
            return
        }
        do {
            try session.commit()
        } catch {
            session.rollBack()
            fail(batch, error, session)
            return
        }
        let seconds = Double(uptime() - start) / 1e9
        counted.withLock { counted in
            counted.batches.observe(Double(batch.count))
            counted.commitSeconds.observe(seconds)
            counted.logPages = session.connection.pagesInLog
        }
        if session.hasChanged { health.set(.writes, nil) }
        batch.forEach { $0.finish(nil) }
        // After the answers: nobody waits for it who has committed already.
        if displacement == nil { checkpoint(session) }
    }

    private func fail(_ batch: [any PendingWrite], _ error: StoreError, _ session: WriterSession) {
        counted.withLock { $0.errors += UInt64(batch.count) }
        health.note(error)
        if session.connection.diskHasFailed { health.set(.writes, "\(error)") }
        if error.isFatal { end(error) }
        batch.forEach { $0.finish(error) }
    }

    /// Brings the log into the database when it is time.
    private func checkpoint(_ session: WriterSession) {
        guard session.checkpoints.isDue(pages: session.connection.pagesInLog, at: uptime()) else { return }
        do {
            try session.connection.checkpoint()
            session.checkpoints.succeeded()
            health.set(.checkpoints, nil)
        } catch {
            counted.withLock { $0.checkpointErrors += 1 }
            session.checkpoints.failed(at: uptime())
            health.note(error)
            health.set(.checkpoints, "\(error)")
            if error.isFatal { end(error) }
        }
    }

    private var isFatal: Bool { state.withLock { $0.isFatal } }

    /// A sync has failed.
    private func end(_ error: StoreError) {
        state.withLock { $0.isFatal = true }
        refuseAll(error)
        onFatal(error)
    }

    /// From now on; the first reason stays.
    private func refuse(_ error: StoreError) { state.withLock { $0.refusal = $0.refusal ?? error } }

    private func refuseAll(_ error: StoreError) {
        refuse(error)
        let left = state.withLock { state in
            defer { state.pending = [] }
            return state.pending
        }
        left.forEach { $0.finish(error) }
    }
}

extension StoreError {
    fileprivate var isFatal: Bool {
        switch self {
        case .syncFailed: true
        case .full, .unavailable, .unsuitable, .corrupt, .busy, .closed: false
        }
    }
}

private protocol PendingWrite: AnyObject, Sendable {
    func run(_ session: WriterSession) throws(StoreError)
    /// With nil after the commit.
    func finish(_ error: StoreError?)
}

private final class Write<Value: Sendable>: PendingWrite, @unchecked Sendable {
    // `value` is touched by the writer's thread only; the rest never changes.
    private let body: @Sendable (WriterSession) throws(StoreError) -> Value
    /// Called by `finish`: once for every write that was submitted.
    private let then: @Sendable (Result<Value, StoreError>) -> Void
    private var value: Value?

    init(
        body: @escaping @Sendable (WriterSession) throws(StoreError) -> Value,
        then: @escaping @Sendable (Result<Value, StoreError>) -> Void
    ) {
        self.body = body
        self.then = then
    }

    func run(_ session: WriterSession) throws(StoreError) { value = try body(session) }

    func finish(_ error: StoreError?) {
        if let value, error == nil {
            then(.success(value))
        } else {
            then(.failure(error ?? .closed))
        }
    }
}
