private import CCurl
private import DequeModule
private import Glibc
internal import JobModel
private import Platform
private import Synchronization

/// The thread that owns libcurl: requests are handed to it and taken back, it does the rest.
final class CurlLoop: Sendable {
    private struct Inbox {
        var added: [Transfer] = []
        var cancelled: [Transfer] = []
        var isOver = false
        /// The thread will look by itself: who comes now need not wake it.
        var isWoken = false
    }

    /// So many requests are started before the answers to those under way are looked at: a fast target has answered by then,
    /// and the next ones use its connections while they are in the processor's cache.
    private static let group = 32

    private let inbox = Mutex(Inbox())
    /// Written to wake the thread; nobody waits for it to be read.
    private let wake = eventfd(0, Int32(EFD_CLOEXEC) | Int32(EFD_NONBLOCK))

    init(policy: EgressPolicy) {
        NamedThread.start("sluice-outbound") { [self] in
            run(policy)
        }
    }

    deinit { close(wake) }

    func add(_ transfer: Transfer) { change { $0.added.append(transfer) } }

    func cancel(_ transfer: Transfer) { change { $0.cancelled.append(transfer) } }

    /// What is under way ends as stopped.
    func stop() { change { $0.isOver = true } }

    private func change(_ body: (inout Inbox) -> Void) {
        let mustWake = inbox.withLock { inbox in
            body(&inbox)
            defer { inbox.isWoken = true }
            return !inbox.isWoken
        }
        guard mustWake else { return }
        var one: UInt64 = 1
        _ = Glibc.write(wake, &one, 8)
    }

    private func run(_ policy: EgressPolicy) {
        let transfers = CurlTransfers(policy: policy, wake: wake)
        var toStart: Deque<Transfer> = []
        while true {
            let isWoken = transfers.wait(isBusy: !toStart.isEmpty)
            if isWoken {
                var count: UInt64 = 0
                _ = Glibc.read(wake, &count, 8)
            }
            let work = inbox.withLock { inbox in
                defer { (inbox.added, inbox.cancelled, inbox.isWoken) = ([], [], false) }
                return inbox
            }
            toStart += work.added
            let count = work.isOver ? toStart.count : min(Self.group, toStart.count)
            for _ in 0..<count { transfers.start(toStart.removeFirst()) }
            for transfer in work.cancelled { transfers.cancel(transfer) }
            if work.isOver { transfers.stopAll() }
            transfers.deliver()
            if work.isOver { return }
        }
    }
}
