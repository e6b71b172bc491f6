internal import CCurl
private import Glibc
internal import JobModel

/// A multi handle of libcurl (curl_multi_socket_action), whose sockets are watched elsewhere. Used by the loop's thread only.
final class CurlShard {
    /// Easy handles that are kept for the next request: making one costs more than setting it anew.
    private static let idleHandles = 128

    /// Comes back with every event of its sockets.
    private let index: Int
    private let policy: EgressPolicy
    private let sockets: SocketWatch
    private let multi = curl_multi_init()
    private var running: [UnsafeMutableRawPointer: Transfer] = [:]
    private var idle: [EasyHandle] = []
    /// What has ended and is not told yet.
    private var ended: [Transfer] = []
    /// Connections that libcurl keeps, busy ones included: more than there are requests, or none would be used again.
    private var connectionRoom = OutboundLimits.idleConnections
    /// When libcurl wants to be called without an event, in milliseconds of a monotonic clock.
    private(set) var timerDue: Int64?

    /// Requests under way.
    var count: Int { running.count }

    init(index: Int, policy: EgressPolicy, sockets: SocketWatch) {
        self.index = index
        self.policy = policy
        self.sockets = sockets
        let me = Unmanaged.passUnretained(self).toOpaque()
        ccurl_multi_set_socket(multi, Self.onSocket)
        ccurl_multi_set_pointer(multi, CURLMOPT_SOCKETDATA, me)
        ccurl_multi_set_timer(multi, Self.onTimer)
        ccurl_multi_set_pointer(multi, CURLMOPT_TIMERDATA, me)
        ccurl_multi_set_long(multi, CURLMOPT_MAXCONNECTS, connectionRoom)
    }

    deinit {
        idle = []
        curl_multi_cleanup(multi)
    }

    func start(_ transfer: Transfer) {
        guard !transfer.isCancelled else { return refuse(transfer, .cancelled) }
        guard let multi, let easy = idle.popLast() ?? EasyHandle(sockets: sockets) else {
            return refuse(transfer, .other(code: Int(CURLE_FAILED_INIT.rawValue)))
        }
        guard transfer.prepare(easy, policy: policy) else {
            refuse(transfer, .invalidURL)
            return keep(easy)
        }
        running[easy.raw] = transfer
        if running.count + OutboundLimits.idleConnections > connectionRoom {
            connectionRoom *= 2
            ccurl_multi_set_long(multi, CURLMOPT_MAXCONNECTS, connectionRoom)
        }
        guard curl_multi_add_handle(multi, easy.raw) == CURLM_OK else { return end(easy.raw, CURLE_FAILED_INIT) }
    }

    func cancel(_ transfer: Transfer) {
        transfer.isCancelled = true
        stop(transfer, .cancelled)
    }

    private func stop(_ transfer: Transfer, _ failure: OutboundFailure) {
        // It may have ended meanwhile, or not begun.
        guard let easy = transfer.easy, running.removeValue(forKey: easy.raw) != nil else { return }
        curl_multi_remove_handle(multi, easy.raw)
        transfer.stop(failure)
        ended.append(transfer)
        keep(easy)
    }

    private func refuse(_ transfer: Transfer, _ failure: OutboundFailure) {
        transfer.refuse(failure)
        ended.append(transfer)
    }

    /// Tells whoever waits for what has ended.
    func deliver() {
        guard !ended.isEmpty else { return }
        for transfer in ended { transfer.deliver() }
        ended.removeAll(keepingCapacity: true)
    }

    func stopAll() {
        for transfer in Array(running.values) { cancel(transfer) }
    }

    /// Something happened on a socket.
    func act(on socket: Int32, _ events: UInt32) {
        // An idle connection that the other side closes or speaks on: libcurl looks before it uses it again.
        guard sockets.isWanted(socket) else { return sockets.forget(socket) }
        var mask: Int32 = 0
        if events & (EPOLLIN.rawValue | EPOLLHUP.rawValue) != 0 { mask |= CURL_CSELECT_IN }
        if events & EPOLLOUT.rawValue != 0 { mask |= CURL_CSELECT_OUT }
        if events & EPOLLERR.rawValue != 0 { mask |= CURL_CSELECT_ERR }
        var still: Int32 = 0
        curl_multi_socket_action(multi, socket, mask, &still)
        // What libcurl counts is the body; an answer that goes on and on beside it is seen on the socket only.
        guard sockets.isWanted(socket), let raw = sockets.longUser(of: socket), let transfer = running[raw],
            transfer.isEndless(on: socket)
        else { return }
        stop(transfer, .endless)
    }

    func actOnTimer(at now: Int64) {
        guard let due = timerDue, due <= now else { return }
        timerDue = nil
        var still: Int32 = 0
        curl_multi_socket_action(multi, CURL_SOCKET_TIMEOUT, 0, &still)
    }

    /// Requests that have ended.
    func collect() {
        var left: Int32 = 0
        while let message = curl_multi_info_read(multi, &left) {
            guard message.pointee.msg == CURLMSG_DONE, let easy = message.pointee.easy_handle else { continue }
            end(easy, ccurl_message_result(message))
        }
    }

    private func end(_ raw: UnsafeMutableRawPointer, _ code: CURLcode) {
        curl_multi_remove_handle(multi, raw)
        guard let transfer = running.removeValue(forKey: raw), let easy = transfer.easy else { return }
        transfer.finish(code)
        ended.append(transfer)
        keep(easy)
    }

    private func keep(_ easy: EasyHandle) {
        // Its header list belonged to the request.
        ccurl_set_list(easy.raw, CURLOPT_HTTPHEADER, nil)
        if idle.count < Self.idleHandles { idle.append(easy) }
    }

    // MARK: What libcurl asks for

    private static func me(_ pointer: UnsafeMutableRawPointer?) -> CurlShard? {
        pointer.map { Unmanaged<CurlShard>.fromOpaque($0).takeUnretainedValue() }
    }

    private static let onSocket:
        @convention(c) (
            UnsafeMutableRawPointer?, curl_socket_t, Int32, UnsafeMutableRawPointer?, UnsafeMutableRawPointer?
        ) -> Int32 = { easy, socket, what, pointer, _ in
            me(pointer)?.watch(socket, what, easy)
            return 0
        }

    private func watch(_ socket: Int32, _ what: Int32, _ easy: UnsafeMutableRawPointer?) {
        guard what != CURL_POLL_REMOVE else { return sockets.letGo(socket, shard: index) }
        var events: UInt32 = 0
        if what & CURL_POLL_IN != 0 { events |= EPOLLIN.rawValue }
        if what & CURL_POLL_OUT != 0 { events |= EPOLLOUT.rawValue }
        sockets.watch(socket, events, shard: index, user: easy)
    }

    private static let onTimer: @convention(c) (UnsafeMutableRawPointer?, Int, UnsafeMutableRawPointer?) -> Int32 = {
        _, milliseconds, pointer in
        me(pointer)?.timerDue = milliseconds < 0 ? nil : MonotonicTime.milliseconds() + Int64(milliseconds)
        return 0
    }
}
