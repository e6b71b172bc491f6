private import Dispatch
private import Glibc
internal import JobStore
private import Platform
private import Synchronization

/// Threads of their own for reads that look at many rows. A point read takes microseconds and runs where its caller runs
/// (`ReaderPool`); a list would hold up a thread that everybody's requests run on.
///
/// So many read at a time and so many wait, in order; beyond that a read is refused. One caller takes a part of the places at
/// most: whoever asks for lists all day leaves the others theirs. Who gives up waiting frees its place.
final class ReaderThreads: Sendable {
    private struct State {
        var waiting: [(ticket: Ticket, read: any PendingRead)] = []
        /// Reads that a thread is at.
        var reading = 0
        /// Reads of each caller that wait or are under way.
        var callers: [String: Int] = [:]
        var threads = 0
        var idle = 0
        var isClosed = false
        /// Who waits for the last thread to end.
        var closing: [CheckedContinuation<Void, Never>] = []

        /// A read is done, or is not wanted any more.
        mutating func left(_ ticket: Ticket) {
            guard let caller = ticket.caller, let count = callers[caller] else { return }
            callers[caller] = count > 1 ? count - 1 : nil
        }
    }

    /// A read's place in the queue.
    private final class Ticket: Sendable {
        let isWithdrawn = Atomic(false)
        let caller: String?

        init(of caller: String?) { self.caller = caller }
    }

    private let path: String
    private let threadLimit: Int
    private let waitingLimit: Int
    private let callerLimit: Int
    private let state = Mutex(State())
    private let arrived = DispatchSemaphore(value: 0)

    /// - Parameters:
    ///   - threadLimit: two leave a small machine's other work its turn.
    ///   - waitingLimit: at 250 ms each, the last of 32 waits for 4 s.
    ///   - callerLimit: what one caller has of both together. A quarter: four who ask for all they can leave room for a fifth.
    init(path: String, threadLimit: Int = 2, waitingLimit: Int = 32, callerLimit: Int = 8) {
        self.path = path
        self.threadLimit = threadLimit
        self.waitingLimit = waitingLimit
        self.callerLimit = callerLimit
    }

    /// - Parameter caller: the account whose read it is; nil for the operator's and the server's own.
    /// - Throws: `busy` when too many wait, or when the task was cancelled while it waited.
    func read<Value: Sendable>(
        for caller: String? = nil,
        _ body: @escaping @Sendable (Connection) throws(StoreError) -> Value
    ) async throws(StoreError) -> Value {
        let ticket = Ticket(of: caller)
        let result = await withTaskCancellationHandler {
            await withUnsafeContinuation { continuation in
                submit(Read(body: body, continuation: continuation), ticket)
            }
        } onCancel: {
            withdraw(ticket)
        }
        return try result.get()
    }

    /// How many wait for a thread.
    var waiting: Int { state.withLock { $0.waiting.count } }

    /// Refuses everything from now on; the threads end.
    func stop() {
        let (dropped, idle) = state.withLock { state in
            defer { (state.isClosed, state.waiting, state.idle) = (true, [], 0) }
            return (state.waiting, state.idle)
        }
        dropped.forEach { $0.read.refuse(.closed) }
        for _ in 0..<idle { arrived.signal() }
    }

    /// As `stop`, and returns when what is being read is done.
    func close() async {
        stop()
        await withCheckedContinuation { continuation in
            let isDone = state.withLock { state in
                if state.threads > 0 { state.closing.append(continuation) }
                return state.threads == 0
            }
            if isDone { continuation.resume() }
        }
    }

    private enum Submitted { case wake, start, queued, refused(StoreError) }

    private func submit(_ read: any PendingRead, _ ticket: Ticket) {
        let submitted = state.withLock { state -> Submitted in
            if state.isClosed { return .refused(.closed) }
            if ticket.isWithdrawn.load(ordering: .relaxed) { return .refused(.busy) }
            // What a thread is about to take still stands in the queue, but does not wait.
            guard state.waiting.count + state.reading < threadLimit + waitingLimit else { return .refused(.busy) }
            if let caller = ticket.caller {
                guard state.callers[caller, default: 0] < callerLimit else { return .refused(.busy) }
                state.callers[caller, default: 0] += 1
            }
            state.waiting.append((ticket, read))
            if state.idle > 0 {
                state.idle -= 1
                return .wake
            }
            guard state.threads < threadLimit else { return .queued }
            state.threads += 1
            return .start
        }
        switch submitted {
        case .wake: arrived.signal()
        case .start: start()
        case .queued: break
        case .refused(let error): read.refuse(error)
        }
    }

    private func withdraw(_ ticket: Ticket) {
        let read = state.withLock { state -> (any PendingRead)? in
            ticket.isWithdrawn.store(true, ordering: .relaxed)
            guard let index = state.waiting.firstIndex(where: { $0.ticket === ticket }) else { return nil }
            state.left(ticket)
            return state.waiting.remove(at: index).read
        }
        read?.refuse(.busy)
    }

    private func start() {
        NamedThread.start("sluice-reader") { [self] in
            run()
        }
    }

    private func run() {
        var connection: Connection?
        while let (ticket, read) = next() {
            do throws(StoreError) {
                let open: Connection
                if let connection { open = connection } else { open = try Connection(path: path, role: .reader) }
                connection = open
                read.run(open)
            } catch {
                read.refuse(error)
            }
            state.withLock { state in
                state.reading -= 1
                state.left(ticket)
            }
        }
        connection?.close()
        let closing = state.withLock { state in
            state.threads -= 1
            guard state.threads == 0 else { return [CheckedContinuation<Void, Never>]() }
            defer { state.closing = [] }
            return state.closing
        }
        closing.forEach { $0.resume() }
    }

    /// The read whose turn it is; nil when there will be none.
    private func next() -> (Ticket, any PendingRead)? {
        while true {
            let (next, isClosed) = state.withLock { state -> ((Ticket, any PendingRead)?, Bool) in
                if !state.waiting.isEmpty {
                    state.reading += 1
                    return (state.waiting.removeFirst(), false)
                }
                if !state.isClosed { state.idle += 1 }
                return (nil, state.isClosed)
            }
            if let next { return next }
            if isClosed { return nil }
            arrived.wait()
        }
    }
}

private protocol PendingRead: Sendable {
    func run(_ connection: Connection)
    func refuse(_ error: StoreError)
}

private struct Read<Value: Sendable>: PendingRead {
    let body: @Sendable (Connection) throws(StoreError) -> Value
    /// Resumed by `run` or `refuse`: one of them is called once.
    let continuation: UnsafeContinuation<Result<Value, StoreError>, Never>

    func run(_ connection: Connection) {
        do {
            continuation.resume(returning: .success(try body(connection)))
        } catch {
            continuation.resume(returning: .failure(error))
        }
    }

    func refuse(_ error: StoreError) { continuation.resume(returning: .failure(error)) }
}
