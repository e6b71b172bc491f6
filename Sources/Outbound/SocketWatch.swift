internal import CCurl
private import Glibc

/// The epoll of all sockets, and what it watches of each. Used by the loop's thread only.
///
/// libcurl lets go of a connection after each request and asks for it again with the next: it stays watched in between.
final class SocketWatch {
    private struct Entry {
        /// None: it is not watched.
        var events: UInt32 = 0
        /// Which multi handle asked for it.
        var shard = 0
        var isWanted = false
        /// What has happened since somebody wanted to know.
        var turns: UInt32 = 0
        /// Whose request it carries.
        var user: UnsafeMutableRawPointer?
        /// Others, of the resolver, come and go without a word.
        var isConnection = false
    }

    /// What happened.
    struct Event {
        var shard: Int
        var socket: Int32
        var events: UInt32
    }

    private let epoll = epoll_create1(Int32(EPOLL_CLOEXEC))
    /// By socket: the system gives the lowest number that is free.
    private var entries: [Entry] = []
    private var events = [epoll_event](repeating: epoll_event(), count: 256)

    deinit { close(epoll) }

    /// Until something happens.
    ///
    /// - Parameter timeout: in milliseconds; -1 for none.
    func wait(_ timeout: Int32, _ happened: (Event) -> Void) {
        let count = epoll_wait(epoll, &events, Int32(events.count), timeout)
        for index in 0..<max(0, Int(count)) {
            let word = events[index].data.u64
            happened(
                Event(
                    shard: Int(word >> 32), socket: Int32(truncatingIfNeeded: word), events: events[index].events))
        }
    }

    /// Watches it for these events; `shard` comes back with each.
    func watch(_ socket: Int32, _ events: UInt32, shard: Int, user: UnsafeMutableRawPointer? = nil) {
        let known = self[socket]
        self[socket].isWanted = true
        if !known.isWanted { (self[socket].turns, self[socket].user) = (0, user) }
        // Of another socket than a connection nobody says that it was closed: its number may be a new one's.
        guard !known.isConnection || known.events != events || known.shard != shard else { return }
        (self[socket].events, self[socket].shard) = (events, shard)
        var event = epoll_event()
        event.data.u64 = UInt64(shard) << 32 | UInt64(UInt32(bitPattern: socket))
        event.events = events
        if known.events != 0, epoll_ctl(epoll, EPOLL_CTL_MOD, socket, &event) == 0 { return }
        epoll_ctl(epoll, EPOLL_CTL_ADD, socket, &event)
    }

    /// Whether somebody wants to know what happens on it.
    func isWanted(_ socket: Int32) -> Bool { self[socket].isWanted }

    /// Something happened: whose request is carried there, now and then, when that takes many turns.
    func longUser(of socket: Int32) -> UnsafeMutableRawPointer? {
        self[socket].turns &+= 1
        return self[socket].turns.isMultiple(of: 8) ? self[socket].user : nil
    }

    /// This shard does not want to know for now. The number may be another's socket already.
    func letGo(_ socket: Int32, shard: Int) {
        guard self[socket].shard == shard else { return }
        if self[socket].isConnection { self[socket].isWanted = false } else { forget(socket) }
    }

    func forget(_ socket: Int32) {
        // It may be closed: then epoll has forgotten it by itself.
        if self[socket].events != 0 { epoll_ctl(epoll, EPOLL_CTL_DEL, socket, nil) }
        (self[socket].events, self[socket].isWanted) = (0, false)
    }

    /// A new connection; its number may have been another's.
    func opened(_ socket: Int32) { self[socket] = Entry(isConnection: true) }

    /// It is about to be closed, and epoll forgets it with that.
    func closing(_ socket: Int32) { self[socket] = Entry() }

    private subscript(socket: Int32) -> Entry {
        get { entries.indices.contains(Int(socket)) ? entries[Int(socket)] : Entry() }
        set {
            guard socket >= 0 else { return }
            while entries.count <= Int(socket) { entries.append(Entry()) }
            entries[Int(socket)] = newValue
        }
    }
}
