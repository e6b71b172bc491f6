internal import CCurl

/// A libcurl handle with everything that is the same for all requests: each request sets the rest (`Transfer.prepare`).
/// Setting it all again would cost as much as the request. Used by the loop's thread only.
final class EasyHandle {
    let raw: UnsafeMutableRawPointer
    /// Whose request it carries now.
    var transfer: Transfer?
    /// What its last request has set; nil when that is not known.
    var last: Wish?
    unowned let owner: CurlShard

    /// Everything of a request that stays set in the handle.
    struct Wish: Equatable {
        var url: String
        var method: String
        var hasBody: Bool
        var timeout: Duration
    }

    init?(owner: CurlShard) {
        guard let raw = curl_easy_init() else { return nil }
        self.raw = raw
        self.owner = owner
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
        ccurl_set_sink(raw, CURLOPT_WRITEFUNCTION, Transfer.onBody)
        ccurl_set_pointer(raw, CURLOPT_WRITEDATA, me)
        ccurl_set_sink(raw, CURLOPT_HEADERFUNCTION, Transfer.onHeader)
        ccurl_set_pointer(raw, CURLOPT_HEADERDATA, me)
        ccurl_set_opensocket(raw, Transfer.onOpenSocket)
        ccurl_set_pointer(raw, CURLOPT_OPENSOCKETDATA, me)
        ccurl_set_prereq(raw, Transfer.onSend)
        ccurl_set_pointer(raw, CURLOPT_PREREQDATA, me)
        // A connection outlives the handle that opened it: its end is told to whoever watches sockets.
        ccurl_set_closesocket(raw, CurlShard.onCloseSocket)
        ccurl_set_pointer(raw, CURLOPT_CLOSESOCKETDATA, Unmanaged.passUnretained(owner).toOpaque())
    }

    deinit { curl_easy_cleanup(raw) }

    /// What libcurl hands to a callback.
    static func of(_ pointer: UnsafeMutableRawPointer?) -> EasyHandle? {
        pointer.map { Unmanaged<EasyHandle>.fromOpaque($0).takeUnretainedValue() }
    }
}
