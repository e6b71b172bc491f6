internal import CCurl
private import Foundation
internal import JobModel

/// A multi handle on epoll (curl_multi_socket_action): thousands of requests under way cost nothing while they wait. Used
/// by the loop's thread only.
final class CurlTransfers {
    /// libcurl wants this once, before any thread uses it.
    private static let isReady = curl_global_init(Int(CURL_GLOBAL_DEFAULT)) == CURLE_OK
    /// Easy handles that are kept for the next request: making one costs more than emptying it.
    private static let idleHandles = 128

    private let policy: EgressPolicy
    private let wake: Int32
    private let epoll = epoll_create1(Int32(EPOLL_CLOEXEC))
    private let multi: UnsafeMutableRawPointer?
    private var running: [UnsafeMutableRawPointer: Transfer] = [:]
    private var idle: [UnsafeMutableRawPointer] = []
    /// Sockets that epoll watches.
    private var watched: Set<Int32> = []
    /// When libcurl wants to be called without an event, in milliseconds of a monotonic clock.
    private var timerDue: Int64?
    private var events = [epoll_event](repeating: epoll_event(), count: 256)

    init(policy: EgressPolicy, wake: Int32) {
        self.policy = policy
        self.wake = wake
        multi = Self.isReady ? curl_multi_init() : nil
        let me = Unmanaged.passUnretained(self).toOpaque()
        ccurl_multi_set_socket(multi, Self.onSocket)
        ccurl_multi_set_pointer(multi, CURLMOPT_SOCKETDATA, me)
        ccurl_multi_set_timer(multi, Self.onTimer)
        ccurl_multi_set_pointer(multi, CURLMOPT_TIMERDATA, me)
        ccurl_multi_set_long(multi, CURLMOPT_MAXCONNECTS, OutboundLimits.idleConnections)
        var event = epoll_event()
        event.events = EPOLLIN.rawValue
        event.data.fd = wake
        epoll_ctl(epoll, EPOLL_CTL_ADD, wake, &event)
    }

    deinit {
        for easy in idle { curl_easy_cleanup(easy) }
        curl_multi_cleanup(multi)
        close(epoll)
    }

    func start(_ transfer: Transfer) {
        guard !transfer.isCancelled else { return transfer.refuse(.cancelled) }
        guard let multi, let easy = idle.popLast() ?? curl_easy_init() else {
            return transfer.refuse(.other(code: Int(CURLE_FAILED_INIT.rawValue)))
        }
        guard transfer.prepare(easy, policy: policy) else {
            keep(easy)
            return transfer.refuse(.invalidURL)
        }
        running[easy] = transfer
        guard curl_multi_add_handle(multi, easy) == CURLM_OK else { return end(easy, CURLE_FAILED_INIT) }
    }

    func cancel(_ transfer: Transfer) {
        transfer.isCancelled = true
        // It may have ended meanwhile, or not begun.
        guard let easy = transfer.easy, running.removeValue(forKey: easy) != nil else { return }
        curl_multi_remove_handle(multi, easy)
        transfer.stop()
        keep(easy)
    }

    func stopAll() {
        for transfer in Array(running.values) { cancel(transfer) }
    }

    /// Until something happens, and lets libcurl do what it has to; true when the loop was woken from outside.
    func wait() -> Bool {
        let count = epoll_wait(epoll, &events, Int32(events.count), timeout)
        var isWoken = false
        var still: Int32 = 0
        for index in 0..<max(0, Int(count)) {
            let event = events[index]
            guard event.data.fd != wake else {
                isWoken = true
                continue
            }
            var mask: Int32 = 0
            if event.events & (EPOLLIN.rawValue | EPOLLHUP.rawValue) != 0 { mask |= CURL_CSELECT_IN }
            if event.events & EPOLLOUT.rawValue != 0 { mask |= CURL_CSELECT_OUT }
            if event.events & EPOLLERR.rawValue != 0 { mask |= CURL_CSELECT_ERR }
            curl_multi_socket_action(multi, event.data.fd, mask, &still)
        }
        if let due = timerDue, due <= Self.now() {
            timerDue = nil
            curl_multi_socket_action(multi, CURL_SOCKET_TIMEOUT, 0, &still)
        }
        collect()
        return isWoken
    }

    private var timeout: Int32 {
        guard let timerDue else { return -1 }
        return Int32(clamping: max(0, timerDue - Self.now()))
    }

    private static func now() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
    }

    /// Requests that have ended.
    private func collect() {
        var left: Int32 = 0
        while let message = curl_multi_info_read(multi, &left) {
            guard message.pointee.msg == CURLMSG_DONE, let easy = message.pointee.easy_handle else { continue }
            end(easy, ccurl_message_result(message))
        }
    }

    private func end(_ easy: UnsafeMutableRawPointer, _ code: CURLcode) {
        curl_multi_remove_handle(multi, easy)
        running.removeValue(forKey: easy)?.finish(code)
        keep(easy)
    }

    private func keep(_ easy: UnsafeMutableRawPointer) {
        guard idle.count < Self.idleHandles else { return curl_easy_cleanup(easy) }
        curl_easy_reset(easy)
        idle.append(easy)
    }

    // MARK: What libcurl asks for

    private static func me(_ pointer: UnsafeMutableRawPointer?) -> CurlTransfers? {
        pointer.map { Unmanaged<CurlTransfers>.fromOpaque($0).takeUnretainedValue() }
    }

    private static let onSocket:
        @convention(c) (
            UnsafeMutableRawPointer?, curl_socket_t, Int32, UnsafeMutableRawPointer?, UnsafeMutableRawPointer?
        ) -> Int32 = { _, socket, what, pointer, _ in
            me(pointer)?.watch(socket, what)
            return 0
        }

    private func watch(_ socket: Int32, _ what: Int32) {
        guard what != CURL_POLL_REMOVE else {
            // libcurl may have closed it: then epoll has forgotten it by itself.
            if watched.remove(socket) != nil { epoll_ctl(epoll, EPOLL_CTL_DEL, socket, nil) }
            return
        }
        var event = epoll_event()
        event.data.fd = socket
        if what & CURL_POLL_IN != 0 { event.events |= EPOLLIN.rawValue }
        if what & CURL_POLL_OUT != 0 { event.events |= EPOLLOUT.rawValue }
        let isNew = watched.insert(socket).inserted
        epoll_ctl(epoll, isNew ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, socket, &event)
    }

    private static let onTimer: @convention(c) (UnsafeMutableRawPointer?, Int, UnsafeMutableRawPointer?) -> Int32 = {
        _, milliseconds, pointer in
        me(pointer)?.timerDue = milliseconds < 0 ? nil : now() + Int64(milliseconds)
        return 0
    }
}
