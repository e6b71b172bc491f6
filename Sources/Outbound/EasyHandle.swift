internal import CCurl
private import Glibc

/// Whose request a handle carries: what libcurl tells of it. Called on the loop's thread.
protocol HandleUser: AnyObject {
    /// A part of the answer's body; false ends the request.
    func take(body: UnsafeRawBufferPointer) -> Bool
    /// A line of the answer's head; false ends the request.
    func take(headLine: UnsafeRawBufferPointer) -> Bool
    /// Whether a connection to this address may be opened.
    func mayOpen(_ address: SocketAddress?) -> Bool
    /// Whether the request may be sent, or sent again, over a connection to this address.
    func maySend(to address: UnsafeMutablePointer<CChar>?, port: Int32) -> Bool
}

/// A libcurl handle with everything that is the same for all requests: each request sets the rest (`Transfer.prepare`).
/// Setting it all again would cost as much as the request. Used by the loop's thread only.
final class EasyHandle {
    let raw: UnsafeMutableRawPointer
    /// Whose request it carries now.
    var user: (any HandleUser)?
    /// What its last request has set; nil when that is not known.
    var last: Wish?
    private unowned let sockets: SocketWatch

    /// Everything of a request that stays set in the handle.
    struct Wish: Equatable {
        var url: String
        var method: String
        var hasBody: Bool
        var timeout: Duration
    }

    init?(sockets: SocketWatch) {
        guard let raw = curl_easy_init() else { return nil }
        self.raw = raw
        self.sockets = sockets
        let me = Unmanaged.passUnretained(self).toOpaque()
        ccurl_set_long(raw, CURLOPT_NOSIGNAL, 1)
        // A name lookup that takes longer than its request is left to itself: libcurl would wait for it, and with it the loop.
        ccurl_set_long(raw, CURLOPT_QUICK_EXIT, 1)
        ccurl_set_text(raw, CURLOPT_PROTOCOLS_STR, "http,https")
        ccurl_set_long(raw, CURLOPT_FOLLOWLOCATION, 0)
        // Neither a proxy of the environment nor one of a .netrc.
        ccurl_set_text(raw, CURLOPT_PROXY, "")
        ccurl_set_long(raw, CURLOPT_PATH_AS_IS, 1)
        ccurl_set_long(raw, CURLOPT_HTTP_VERSION, Int(CURL_HTTP_VERSION_2TLS))
        ccurl_set_long(raw, CURLOPT_MAXAGE_CONN, OutboundLimits.idleSeconds)
        // All codings that this libcurl can decode; what is asked for is said by the request's own field (`HeaderList`).
        ccurl_set_text(raw, CURLOPT_ACCEPT_ENCODING, "")
        ccurl_set_sink(raw, CURLOPT_WRITEFUNCTION, Self.onBody)
        ccurl_set_pointer(raw, CURLOPT_WRITEDATA, me)
        ccurl_set_sink(raw, CURLOPT_HEADERFUNCTION, Self.onHeader)
        ccurl_set_pointer(raw, CURLOPT_HEADERDATA, me)
        ccurl_set_opensocket(raw, Self.onOpenSocket)
        ccurl_set_pointer(raw, CURLOPT_OPENSOCKETDATA, me)
        ccurl_set_prereq(raw, Self.onSend)
        ccurl_set_pointer(raw, CURLOPT_PREREQDATA, me)
        // A connection outlives the handle that opened it: its end is told to whoever watches sockets.
        ccurl_set_closesocket(raw, Self.onCloseSocket)
        ccurl_set_pointer(raw, CURLOPT_CLOSESOCKETDATA, Unmanaged.passUnretained(sockets).toOpaque())
    }

    deinit { curl_easy_cleanup(raw) }

    // MARK: Callbacks, on the loop's thread

    private static func of(_ pointer: UnsafeMutableRawPointer?) -> EasyHandle? {
        pointer.map { Unmanaged<EasyHandle>.fromOpaque($0).takeUnretainedValue() }
    }

    private static let onBody:
        @convention(c) (UnsafeMutablePointer<CChar>?, Int, Int, UnsafeMutableRawPointer?) -> Int = {
            bytes, _, count, pointer in
            guard let user = of(pointer)?.user, let bytes else { return 0 }
            return user.take(body: UnsafeRawBufferPointer(start: bytes, count: count)) ? count : 0
        }

    private static let onHeader:
        @convention(c) (UnsafeMutablePointer<CChar>?, Int, Int, UnsafeMutableRawPointer?) -> Int = {
            bytes, _, count, pointer in
            guard let user = of(pointer)?.user, let bytes else { return 0 }
            return user.take(headLine: UnsafeRawBufferPointer(start: bytes, count: count)) ? count : 0
        }

    private static let onOpenSocket:
        @convention(c) (UnsafeMutableRawPointer?, curlsocktype, UnsafeMutablePointer<curl_sockaddr>?) -> curl_socket_t =
            {
                pointer, _, address in
                guard let handle = of(pointer), let user = handle.user, let address else { return CURL_SOCKET_BAD }
                guard user.mayOpen(SocketAddress(ccurl_address(address))) else { return CURL_SOCKET_BAD }
                let type = address.pointee.socktype | Int32(SOCK_CLOEXEC.rawValue)
                let socket = socket(address.pointee.family, type, address.pointee.protocol)
                handle.sockets.opened(socket)
                return socket
            }

    private static let onCloseSocket: @convention(c) (UnsafeMutableRawPointer?, curl_socket_t) -> Int32 = {
        pointer, socket in
        pointer.map { Unmanaged<SocketWatch>.fromOpaque($0).takeUnretainedValue() }?.closing(socket)
        return close(socket)
    }

    private static let onSend:
        @convention(c) (
            UnsafeMutableRawPointer?, UnsafeMutablePointer<CChar>?, UnsafeMutablePointer<CChar>?, Int32, Int32
        ) -> Int32 = { pointer, remote, _, port, _ in
            of(pointer)?.user?.maySend(to: remote, port: port) == true ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT
        }
}
