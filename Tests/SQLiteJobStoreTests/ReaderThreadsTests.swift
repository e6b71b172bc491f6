import Dispatch
import JobStore
import JobStoreContract
import Synchronization
import Testing

@testable import SQLiteJobStore

/// Reads that a test holds up until it lets them go.
private final class HeldReads: Sendable {
    private let gate = DispatchSemaphore(value: 0)
    private let entered = AsyncStream<Void>.makeStream()
    let threads: ReaderThreads

    init(_ database: TemporaryDatabase, threadLimit: Int, waitingLimit: Int, callerLimit: Int = 8) throws {
        _ = try database.open()
        threads = ReaderThreads(
            path: database.path, threadLimit: threadLimit, waitingLimit: waitingLimit, callerLimit: callerLimit)
    }

    /// Ends when it is let go.
    func held(for caller: String? = nil) async throws(StoreError) {
        try await threads.read(for: caller) { [gate, entered] _ throws(StoreError) in
            entered.continuation.yield()
            gate.wait()
        }
    }

    func whenEntered(_ count: Int) async {
        var entries = entered.stream.makeAsyncIterator()
        for _ in 0..<count { await entries.next() }
    }

    /// Yields until so many wait: whoever waits has been asked for by a task that is under way.
    func whenWaiting(_ count: Int) async {
        while threads.waiting != count { await Task.yield() }
    }

    func letGo(_ count: Int) { for _ in 0..<count { gate.signal() } }
}

@Suite struct ReaderThreadsTests {
    let database = TemporaryDatabase()

    @Test func `So many read and so many wait, and one more is refused at once`() async throws {
        let reads = try HeldReads(database, threadLimit: 2, waitingLimit: 3)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<5 { group.addTask { try await reads.held() } }
            await reads.whenEntered(2)
            await reads.whenWaiting(3)
            await #expect(throws: StoreError.busy) { try await reads.held() }
            reads.letGo(5)
            try await group.waitForAll()
        }
        // Both threads are free again.
        let seven = try await reads.threads.read { connection throws(StoreError) in
            try connection.text(of: "SELECT 7")
        }
        #expect(seven == "7")
        await reads.threads.close()
    }

    @Test func `Who gives up waiting frees the place`() async throws {
        let reads = try HeldReads(database, threadLimit: 1, waitingLimit: 1)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await reads.held() }
            await reads.whenEntered(1)
            let waiter = Task { try await reads.held() }
            await reads.whenWaiting(1)
            await #expect(throws: StoreError.busy) { try await reads.held() }
            waiter.cancel()
            await #expect(throws: StoreError.busy) { try await waiter.value }
            #expect(reads.threads.waiting == 0)
            group.addTask { try await reads.held() }
            await reads.whenWaiting(1)
            reads.letGo(2)
            try await group.waitForAll()
        }
        // A task that was cancelled before it asked takes no place either.
        let late = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            try await reads.held()
        }
        await #expect(throws: StoreError.busy) { try await late.value }
        await reads.threads.close()
    }

    @Test func `One caller has a part of the places, whether it reads or waits, and gets them back`() async throws {
        let reads = try HeldReads(database, threadLimit: 1, waitingLimit: 5, callerLimit: 2)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await reads.held(for: "a") }
            await reads.whenEntered(1)
            let waiter = Task { try await reads.held(for: "a") }
            await reads.whenWaiting(1)
            await #expect(throws: StoreError.busy) { try await reads.held(for: "a") }
            // The others have theirs.
            group.addTask { try await reads.held(for: "b") }
            await reads.whenWaiting(2)
            waiter.cancel()
            await #expect(throws: StoreError.busy) { try await waiter.value }
            group.addTask { try await reads.held(for: "a") }
            await reads.whenWaiting(2)
            await #expect(throws: StoreError.busy) { try await reads.held(for: "a") }
            reads.letGo(3)
            try await group.waitForAll()
        }
        reads.letGo(2)
        for _ in 0..<2 { try await reads.held(for: "a") }
        await reads.threads.close()
    }

    @Test func `Closing refuses who waits, and returns when what is being read is done`() async throws {
        let reads = try HeldReads(database, threadLimit: 1, waitingLimit: 5)
        async let first: Void = reads.held()
        await reads.whenEntered(1)
        let waiter = Task { try await reads.held() }
        await reads.whenWaiting(1)
        let closing = Task { await reads.threads.close() }
        await #expect(throws: StoreError.closed) { try await waiter.value }
        reads.letGo(1)
        try await first
        await closing.value
        await #expect(throws: StoreError.closed) { try await reads.held() }
    }

    @Test func `A long list holds up no point read`() async throws {
        let store = try database.open()
        let id = try await store.accept(Sample.job())[0]
        let gate = DispatchSemaphore(value: 0)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<4 {
                group.addTask { try await store.readerThreads.read { _ throws(StoreError) in gate.wait() } }
            }
            #expect(try await store.snapshot(id) != nil)
            for _ in 0..<4 { gate.signal() }
            try await group.waitForAll()
        }
        await store.close()
    }
}
