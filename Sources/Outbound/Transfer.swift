internal import CCurl
private import Glibc
internal import JobModel

/// One request under way: an easy handle and what has come of it.
///
/// After it has been handed to the loop, everything in it is touched by the loop's thread only.
final class Transfer: @unchecked Sendable {
    let request: OutboundRequest
    /// Set before the hand-over, resumed once.
    var continuation: CheckedContinuation<OutboundResult, Never>?
    /// Nobody wants it any more; seen when it comes to its start after that.
    var isCancelled = false
    private(set) var easy: UnsafeMutableRawPointer?
    private var fields: UnsafeMutablePointer<curl_slist>?
    private var policy = EgressPolicy.anywhere
    private var host = ""

    private var headers: [OutboundAnswer.Field] = []
    private var headBytes = 0
    private var body: [UInt8] = []
    private var isTruncated = false
    /// How often the request was about to be sent.
    private var sendings = 0
    /// Why one of our own callbacks stopped it.
    private var stopped: OutboundFailure?

    init(_ request: OutboundRequest) {
        self.request = request
    }

    /// - Returns: false when libcurl refuses the URL.
    func prepare(_ easy: UnsafeMutableRawPointer, policy: EgressPolicy) -> Bool {
        self.easy = easy
        self.policy = policy
        let me = Unmanaged.passUnretained(self).toOpaque()
        ccurl_set_long(easy, CURLOPT_NOSIGNAL, 1)
        ccurl_set_text(easy, CURLOPT_PROTOCOLS_STR, "http,https")
        ccurl_set_long(easy, CURLOPT_FOLLOWLOCATION, 0)
        // Neither a proxy of the environment nor one of a .netrc.
        ccurl_set_text(easy, CURLOPT_PROXY, "")
        ccurl_set_long(easy, CURLOPT_PATH_AS_IS, 1)
        ccurl_set_long(easy, CURLOPT_HTTP_VERSION, Int(CURL_HTTP_VERSION_2TLS))
        ccurl_set_long(easy, CURLOPT_TIMEOUT_MS, max(1, Int(clamping: request.timeout.milliseconds)))
        ccurl_set_long(easy, CURLOPT_CONNECTTIMEOUT_MS, max(1, Int(clamping: connectTimeout.milliseconds)))
        ccurl_set_long(easy, CURLOPT_MAXAGE_CONN, OutboundLimits.idleSeconds)
        ccurl_set_sink(easy, CURLOPT_WRITEFUNCTION, Self.onBody)
        ccurl_set_pointer(easy, CURLOPT_WRITEDATA, me)
        ccurl_set_sink(easy, CURLOPT_HEADERFUNCTION, Self.onHeader)
        ccurl_set_pointer(easy, CURLOPT_HEADERDATA, me)
        ccurl_set_opensocket(easy, Self.onOpenSocket)
        ccurl_set_pointer(easy, CURLOPT_OPENSOCKETDATA, me)
        ccurl_set_prereq(easy, Self.onSend)
        ccurl_set_pointer(easy, CURLOPT_PREREQDATA, me)
        ccurl_set_pointer(easy, CURLOPT_PRIVATE, me)
        setMessage(easy)
        guard ccurl_set_text(easy, CURLOPT_URL, request.url) == CURLE_OK else { return false }
        host = Self.host(of: request.url)
        return true
    }

    private var connectTimeout: Duration { min(request.timeout, OutboundLimits.connect) }

    private func setMessage(_ easy: UnsafeMutableRawPointer) {
        if let body = request.body {
            ccurl_set_size(easy, CURLOPT_POSTFIELDSIZE_LARGE, curl_off_t(body.count))
            body.withUnsafeBytes { bytes in
                // With the size set before, as many bytes are copied, whatever they are.
                _ = ccurl_set_text(
                    easy, CURLOPT_COPYPOSTFIELDS,
                    bytes.baseAddress?.assumingMemoryBound(to: CChar.self) ?? UnsafePointer(bitPattern: 1))
            }
        } else if request.method == "POST" || request.method == "PUT" || request.method == "PATCH" {
            ccurl_set_size(easy, CURLOPT_POSTFIELDSIZE_LARGE, 0)
            ccurl_set_text(easy, CURLOPT_COPYPOSTFIELDS, "")
        }
        ccurl_set_text(easy, CURLOPT_CUSTOMREQUEST, request.method)
        if request.method == "HEAD" { ccurl_set_long(easy, CURLOPT_NOBODY, 1) }
        // libcurl waits for a 100 and names a form's type by itself: both are taken away.
        var lines = ["Expect:"]
        if !request.headers.contains(where: { $0.name.lowercased() == "content-type" }) {
            lines.append("Content-Type:")
        }
        for (name, value) in request.headers { lines.append(value.isEmpty ? "\(name);" : "\(name): \(value)") }
        for line in lines { fields = curl_slist_append(fields, line) }
        ccurl_set_list(easy, CURLOPT_HTTPHEADER, fields)
    }

    /// Called once, when the handle has left the loop.
    func finish(_ code: CURLcode) {
        guard let easy else { return }
        var status = 0
        ccurl_get_long(easy, CURLINFO_RESPONSE_CODE, &status)
        let answer =
            status == 0
            ? nil : OutboundAnswer(status: status, headers: headers, body: body, isTruncated: isTruncated)
        let result = OutboundResult(answer: answer, failure: failure(code, easy), timings: timings(easy))
        release(result)
    }

    func stop() {
        stopped = .cancelled
        finish(CURLE_ABORTED_BY_CALLBACK)
    }

    /// It never began.
    func refuse(_ failure: OutboundFailure) { release(OutboundResult(answer: nil, failure: failure)) }

    private func release(_ result: OutboundResult) {
        curl_slist_free_all(fields)
        fields = nil
        easy = nil
        continuation?.resume(returning: result)
        continuation = nil
    }

    // MARK: What came of it

    private func failure(_ code: CURLcode, _ easy: UnsafeMutableRawPointer) -> OutboundFailure? {
        if let stopped { return stopped }
        // We closed it ourselves: what was kept is the answer.
        if isTruncated { return nil }
        switch code {
        case CURLE_OK: return nil
        case CURLE_URL_MALFORMAT: return .invalidURL
        case CURLE_COULDNT_RESOLVE_HOST: return .nameNotFound
        case CURLE_COULDNT_CONNECT: return .notConnected(reason: Self.reason(easy) ?? "failed")
        case CURLE_OPERATION_TIMEDOUT:
            var connected: curl_off_t = 0
            ccurl_get_size(easy, CURLINFO_CONNECT_TIME_T, &connected)
            if connected == 0, connectTimeout < request.timeout { return .connectTimedOut(after: connectTimeout) }
            return .timedOut(after: request.timeout)
        case CURLE_PEER_FAILED_VERIFICATION: return .certificateNotTrusted
        case CURLE_SSL_CONNECT_ERROR, CURLE_SSL_CIPHER, CURLE_SSL_CERTPROBLEM: return .tlsFailed
        case CURLE_GOT_NOTHING: return .connectionLost(reason: "closed without an answer")
        case CURLE_PARTIAL_FILE: return .connectionLost(reason: "the answer ended early")
        case CURLE_RECV_ERROR, CURLE_SEND_ERROR:
            return .connectionLost(reason: Self.reason(easy) ?? "closed by the target")
        case CURLE_WEIRD_SERVER_REPLY, CURLE_UNSUPPORTED_PROTOCOL, CURLE_HTTP2, CURLE_HTTP2_STREAM,
            CURLE_BAD_CONTENT_ENCODING, CURLE_CHUNK_FAILED:
            return .notHTTP
        default: return .other(code: Int(code.rawValue))
        }
    }

    /// The system's name of the latest error on the connection.
    private static func reason(_ easy: UnsafeMutableRawPointer) -> String? {
        var number = 0
        ccurl_get_long(easy, CURLINFO_OS_ERRNO, &number)
        return switch Int32(clamping: number) {
        case ECONNREFUSED: "ECONNREFUSED"
        case ECONNRESET: "ECONNRESET"
        case EHOSTUNREACH: "EHOSTUNREACH"
        case ENETUNREACH: "ENETUNREACH"
        case ETIMEDOUT: "ETIMEDOUT"
        case EPIPE: "EPIPE"
        case EADDRNOTAVAIL: "EADDRNOTAVAIL"
        case EACCES: "EACCES"
        case EMFILE, ENFILE: "EMFILE"
        default: nil
        }
    }

    private func timings(_ easy: UnsafeMutableRawPointer) -> OutboundTimings {
        func milliseconds(_ info: CURLINFO) -> Double {
            var microseconds: curl_off_t = 0
            ccurl_get_size(easy, info, &microseconds)
            return Double(microseconds) / 1000
        }
        // libcurl counts each from the start; a connection that is used again has none of the first three.
        let name = milliseconds(CURLINFO_NAMELOOKUP_TIME_T)
        let connect = milliseconds(CURLINFO_CONNECT_TIME_T)
        let tls = milliseconds(CURLINFO_APPCONNECT_TIME_T)
        var timings = OutboundTimings()
        timings.dns = name
        timings.connect = max(0, connect - name)
        timings.tls = tls > 0 ? max(0, tls - connect) : 0
        timings.firstByte = milliseconds(CURLINFO_STARTTRANSFER_TIME_T)
        timings.total = milliseconds(CURLINFO_TOTAL_TIME_T)
        return timings
    }

    private static func host(of url: String) -> String {
        guard let parts = curl_url() else { return "" }
        defer { curl_url_cleanup(parts) }
        var text: UnsafeMutablePointer<CChar>?
        guard curl_url_set(parts, CURLUPART_URL, url, 0) == CURLUE_OK,
            curl_url_get(parts, CURLUPART_HOST, &text, 0) == CURLUE_OK, let text
        else { return "" }
        defer { curl_free(text) }
        return String(cString: text).lowercased()
    }

    // MARK: Callbacks, on the loop's thread

    private static func transfer(_ pointer: UnsafeMutableRawPointer?) -> Transfer? {
        pointer.map { Unmanaged<Transfer>.fromOpaque($0).takeUnretainedValue() }
    }

    private static let onBody:
        @convention(c) (UnsafeMutablePointer<CChar>?, Int, Int, UnsafeMutableRawPointer?) -> Int = {
            bytes, _, count, pointer in
            guard let transfer = transfer(pointer), let bytes else { return 0 }
            return transfer.take(UnsafeRawBufferPointer(start: bytes, count: count)) ? count : 0
        }

    /// Keeps what fits; false ends the transfer.
    private func take(_ bytes: UnsafeRawBufferPointer) -> Bool {
        let room = max(0, request.bodyLimit - body.count)
        body.append(contentsOf: bytes.prefix(room))
        isTruncated = bytes.count > room
        return !isTruncated
    }

    private static let onHeader:
        @convention(c) (UnsafeMutablePointer<CChar>?, Int, Int, UnsafeMutableRawPointer?) -> Int = {
            bytes, _, count, pointer in
            guard let transfer = transfer(pointer), let bytes else { return 0 }
            return transfer.head(UnsafeRawBufferPointer(start: bytes, count: count)) ? count : 0
        }

    private func head(_ line: UnsafeRawBufferPointer) -> Bool {
        headBytes += line.count
        guard headBytes <= OutboundLimits.headBytes else {
            stopped = .headTooLarge
            return false
        }
        let text = String(decoding: line, as: UTF8.self)
        if text.hasPrefix("HTTP/") {
            // An interim answer's fields are not the answer's.
            headers = []
            return true
        }
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2 else { return true }
        let value = parts[1].drop { $0 == " " || $0 == "\t" }
        let end = value.lastIndex { !$0.isWhitespace }.map { value.index(after: $0) } ?? value.startIndex
        headers.append(OutboundAnswer.Field(parts[0].lowercased(), String(value[..<end])))
        return true
    }

    private static let onOpenSocket:
        @convention(c) (UnsafeMutableRawPointer?, curlsocktype, UnsafeMutablePointer<curl_sockaddr>?) -> curl_socket_t =
            {
                pointer, _, address in
                guard let transfer = transfer(pointer), let address else { return CURL_SOCKET_BAD }
                let family = address.pointee.family
                guard let target = SocketAddress(ccurl_address(address)),
                    transfer.policy.allows(target.address, port: target.port, host: transfer.host)
                else {
                    transfer.stopped = .forbidden
                    return CURL_SOCKET_BAD
                }
                // An allowed address after a forbidden one: the name has both, and only this one is used.
                transfer.stopped = nil
                return socket(family, address.pointee.socktype | Int32(SOCK_CLOEXEC.rawValue), address.pointee.protocol)
            }

    private static let onSend:
        @convention(c) (
            UnsafeMutableRawPointer?, UnsafeMutablePointer<CChar>?, UnsafeMutablePointer<CChar>?, Int32, Int32
        ) -> Int32 = { pointer, remote, _, port, _ in
            guard let transfer = transfer(pointer) else { return CURL_PREREQFUNC_ABORT }
            // A connection that is used again was opened for another request: look once more.
            guard let remote, let address = IPAddress(String(cString: remote)),
                transfer.policy.allows(address, port: Int(port), host: transfer.host)
            else {
                transfer.stopped = .forbidden
                return CURL_PREREQFUNC_ABORT
            }
            transfer.sendings += 1
            guard transfer.sendings == 1 else {
                // libcurl sends again when a connection that it used again had died; whether the first arrived nobody knows.
                transfer.stopped = .notSentTwice
                return CURL_PREREQFUNC_ABORT
            }
            return CURL_PREREQFUNC_OK
        }
}

/// Address and port of a socket.
private struct SocketAddress {
    let address: IPAddress
    let port: Int

    /// nil for what is neither IPv4 nor IPv6.
    init?(_ pointer: UnsafePointer<sockaddr>) {
        let raw = UnsafeRawPointer(pointer)
        switch Int32(pointer.pointee.sa_family) {
        case AF_INET:
            let four = raw.loadUnaligned(as: sockaddr_in.self)
            address = IPAddress(ipv4: withUnsafeBytes(of: four.sin_addr) { Array($0) })
            port = Int(UInt16(bigEndian: four.sin_port))
        case AF_INET6:
            let six = raw.loadUnaligned(as: sockaddr_in6.self)
            address = IPAddress(ipv6: withUnsafeBytes(of: six.sin6_addr) { Array($0) })
            port = Int(UInt16(bigEndian: six.sin6_port))
        default:
            return nil
        }
    }
}
