internal import CCurl
private import Glibc
private import Hashing
internal import JobModel

/// All requests under way, on one epoll: thousands of them cost nothing while they wait. Used by the loop's thread only.
///
/// libcurl walks over the connections of a multi handle for each request. So requests are spread over several, by target and
/// so that none has too many: what hangs costs the others nothing.
final class CurlTransfers {
    private static let shardCount = 32
    /// So many requests to one target share a shard; further ones go to the next that has room.
    private static let shardWidth = 64
    /// Origins that are remembered; beyond that they are given out afresh, which costs idle connections.
    private static let originCount = 4096

    private let policy: EgressPolicy
    private let sockets = SocketWatch()
    /// Made when the first request to one of their targets comes.
    private var shards = [CurlShard?](repeating: nil, count: shardCount)
    /// Those of them that there are.
    private var made: [CurlShard] = []
    /// The shard of each scheme, host and port, given out in turn.
    private var origins: [Substring: Int] = [:]
    private var nextShard = 0
    private var latest: (url: String, index: Int)?

    init(policy: EgressPolicy, wake: Int32) {
        _ = CurlLibrary.isReady
        self.policy = policy
        sockets.watch(wake, EPOLLIN.rawValue, shard: Self.shardCount)
    }

    func start(_ transfer: Transfer) { shard(for: transfer).start(transfer) }

    func cancel(_ transfer: Transfer) { shard(for: transfer).cancel(transfer) }

    func stopAll() {
        for shard in made { shard.stopAll() }
    }

    private func shard(for transfer: Transfer) -> CurlShard {
        let index: Int
        if let known = transfer.shard {
            index = known
        } else {
            index = roomy(from: self.index(of: transfer.request.url))
            transfer.shard = index
        }
        if let shard = shards[index] { return shard }
        let shard = CurlShard(index: index, policy: policy, sockets: sockets)
        shards[index] = shard
        made.append(shard)
        return shard
    }

    private func roomy(from preferred: Int) -> Int {
        for step in 0..<Self.shardCount {
            let index = (preferred + step) % Self.shardCount
            if (shards[index]?.count ?? 0) < Self.shardWidth { return index }
        }
        return preferred
    }

    private func index(of url: String) -> Int {
        // Most requests go where the one before went.
        if let latest, latest.url == url { return latest.index }
        let index = index(ofOrigin: Self.origin(of: url))
        latest = (url, index)
        return index
    }

    private func index(ofOrigin origin: Substring) -> Int {
        if let known = origins[origin] { return known }
        if origins.count >= Self.originCount { origins = [:] }
        defer { nextShard = (nextShard + 1) % Self.shardCount }
        // A copy: the rest of the URL is not worth keeping.
        origins[Substring(String(origin))] = nextShard
        return nextShard
    }

    /// Up to the third slash. `URLOrigin` would make a text for each request, and here two names of one server cost no more
    /// than a connection.
    private static func origin(of url: String) -> Substring {
        var slashes = 0
        let end = url.utf8.firstIndex { byte in
            if byte == UInt8(ascii: "/") { slashes += 1 }
            return slashes == 3 || byte == UInt8(ascii: "?") || byte == UInt8(ascii: "#")
        }
        return url[..<(end ?? url.endIndex)]
    }

    /// Until something happens, and lets libcurl do what it has to; true when the loop was woken from outside.
    ///
    /// - Parameter isBusy: the loop has more to do: what has happened already is enough.
    func wait(isBusy: Bool) -> Bool {
        var isWoken = false
        sockets.wait(isBusy ? 0 : timeout) { event in
            if event.shard < Self.shardCount {
                shards[event.shard]?.act(on: event.socket, event.events)
            } else {
                isWoken = true
            }
        }
        let now = MonotonicTime.milliseconds()
        for shard in made {
            shard.actOnTimer(at: now)
            shard.collect()
        }
        deliver()
        return isWoken
    }

    /// Tells whoever waits for what has ended.
    func deliver() {
        for shard in made { shard.deliver() }
    }

    private var timeout: Int32 {
        var due: Int64?
        for shard in made {
            if let next = shard.timerDue { due = min(due ?? next, next) }
        }
        guard let due else { return -1 }
        return Int32(clamping: max(0, due - MonotonicTime.milliseconds()))
    }
}
