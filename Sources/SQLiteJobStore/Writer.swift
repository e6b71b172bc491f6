private import Dispatch
private import Foundation
internal import JobModel
internal import JobStore
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
        var hasEnded = false
        /// Who waits for the end.
        var ending: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Mutex(State())
    private let counted = Mutex(StoreStatistics())
    private let arrived = DispatchSemaphore(value: 0)
    private let onFatal: @Sendable (StoreError) -> Void
    private let uptime: @Sendable () -> Int64

    /// - Parameters:
    ///   - uptime: nanoseconds of a monotonic clock, for the statistics.
    ///   - onFatal: called once after a commit failed in a way that leaves the file's state unknown (a failed
    ///     fsync). Nothing is acknowledged from then on; the process should exit and recover.
    init(
        _ session: sending WriterSession, uptime: @escaping @Sendable () -> Int64,
        onFatal: @escaping @Sendable (StoreError) -> Void
    ) {
        self.onFatal = onFatal
        self.uptime = uptime
        let handedOver = HandedOver(session)
        let thread = Thread { [self] in
            Thread.current.name = "sluice-writer"
            run(handedOver.session)
        }
        thread.start()
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
            submit(Write(body: body, continuation: continuation))
        }
        return try result.get()
    }

    var statistics: StoreStatistics { counted.withLock { $0 } }

    /// Lets everything submitted before finish, then ends the thread and closes the connection.
    func close() async {
        refuse(.closed)
        arrived.signal()
        await withCheckedContinuation { continuation in
            let hasEnded = state.withLock { state in
                if !state.hasEnded { state.ending.append(continuation) }
                return state.hasEnded
            }
            if hasEnded { continuation.resume() }
        }
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
        session.connection.close()
        let waiting = state.withLock { state in
            state.hasEnded = true
            defer { state.ending = [] }
            return state.ending
        }
        waiting.forEach { $0.resume() }
    }

    private func commit(_ batch: [any PendingWrite], _ session: WriterSession) {
        let start = uptime()
        do {
            try session.connection.execute("BEGIN IMMEDIATE")
            for write in batch { try write.run(session) }
            try session.tallies.write(on: session.connection)
        } catch {
            session.rollBack()
            // One request spoiled the batch, or the disk did: alone, each gets its own answer.
            if batch.count > 1 {
                for write in batch { commit([write], session) }
            } else {
                counted.withLock { $0.errors += 1 }
                batch.forEach { $0.finish(error) }
            }
            return
        }
        do {
            try session.connection.execute("COMMIT")
        } catch {
            session.rollBack()
            counted.withLock { $0.errors += UInt64(batch.count) }
            batch.forEach { $0.finish(error) }
            if case .full = error { return }
            refuseAll(error)
            onFatal(error)
            return
        }
        let seconds = Double(uptime() - start) / 1e9
        counted.withLock { counted in
            counted.batches.observe(Double(batch.count))
            counted.commitSeconds.observe(seconds)
        }
        batch.forEach { $0.finish(nil) }
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

/// The writer's connection and what it alone knows.
final class WriterSession {
    let connection: Connection
    /// Leases of this process count from here; smaller ones belong to processes that are gone.
    let leaseBase: Int64
    private var nextLease: Int64
    var ids: IDSource
    var functions = NameNumbers.functions
    var owners = NameNumbers.owners
    var tallies = Tallies()

    init(connection: Connection, boot: Int64, ids: IDSource) {
        self.connection = connection
        leaseBase = boot << 40
        nextLease = leaseBase
        self.ids = ids
    }

    func newLease() -> Int64 {
        nextLease += 1
        return nextLease
    }

    func rollBack() {
        try? connection.execute("ROLLBACK")
        // Names that the transaction added are gone.
        functions.forget()
        owners.forget()
        tallies.forget()
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
    /// Resumed by `finish`: once for every write that was submitted.
    private let continuation: UnsafeContinuation<Result<Value, StoreError>, Never>
    private var value: Value?

    init(
        body: @escaping @Sendable (WriterSession) throws(StoreError) -> Value,
        continuation: UnsafeContinuation<Result<Value, StoreError>, Never>
    ) {
        self.body = body
        self.continuation = continuation
    }

    func run(_ session: WriterSession) throws(StoreError) { value = try body(session) }

    func finish(_ error: StoreError?) {
        if let value, error == nil {
            continuation.resume(returning: .success(value))
        } else {
            continuation.resume(returning: .failure(error ?? .closed))
        }
    }
}
