internal import CCurl
private import Glibc
internal import JobModel

/// One request under way: an easy handle and what has come of it.
///
/// Between its hand-over to the loop and the answer, everything in it is touched by the loop's thread only. What can be done
/// before and after is done where the request comes from: the loop is one thread for all.
final class Transfer: @unchecked Sendable {
    let request: OutboundRequest
    /// Set before the hand-over, resumed once.
    var continuation: UnsafeContinuation<OutboundResult, Never>?
    /// Nobody wants it any more; seen when it comes to its start after that.
    var isCancelled = false
    private(set) var easy: EasyHandle?
    /// Which of the loop's shards it belongs to.
    var shard: Int?
    private let fields: HeaderList
    /// The request's body, where libcurl finds it.
    private let body: UnsafeMutableRawBufferPointer?
    private var policy = EgressPolicy.anywhere
    private var host = ""

    private var head = AnswerHead()
    private var answerBody: [UInt8] = []
    private var isTruncated = false
    /// What came of it.
    private var result: OutboundResult?
    /// What its connection had received when it was first asked about it.
    private var receivedBefore: UInt64?
    var beforeSending: (@Sendable () -> Void)?
    /// How often the request was about to be sent.
    private var sendings = 0
    /// Why one of our own callbacks stopped it.
    private var stopped: OutboundFailure?

    init(_ request: OutboundRequest) {
        self.request = request
        fields = HeaderList(of: request)
        let carriesBody = request.method == "POST" || request.method == "PUT" || request.method == "PATCH"
        let bytes = request.body ?? (carriesBody ? [] : nil)
        body = bytes.map { bytes in
            // One byte more: an empty one must have an address too.
            let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count + 1, alignment: 1)
            copy.copyBytes(from: bytes)
            return UnsafeMutableRawBufferPointer(rebasing: copy[..<bytes.count])
        }
    }

    deinit {
        body?.deallocate()
    }

    /// - Returns: false when libcurl refuses the URL.
    func prepare(_ easy: EasyHandle, policy: EgressPolicy) -> Bool {
        self.easy = easy
        self.policy = policy
        easy.user = self
        let raw = easy.raw
        let wish = EasyHandle.Wish(
            url: request.url, method: request.method, hasBody: body != nil, timeout: request.timeout)
        // Most requests of a handle are alike: what its last one set still holds.
        if easy.last != wish {
            easy.last = nil
            ccurl_set_long(raw, CURLOPT_TIMEOUT_MS, max(1, Int(clamping: request.timeout.milliseconds)))
            ccurl_set_long(raw, CURLOPT_CONNECTTIMEOUT_MS, max(1, Int(clamping: connectTimeout.milliseconds)))
            ccurl_set_long(raw, CURLOPT_HTTPGET, 1)
            if body != nil { ccurl_set_long(raw, CURLOPT_POST, 1) }
            ccurl_set_text(raw, CURLOPT_CUSTOMREQUEST, request.method)
            if request.method == "HEAD" { ccurl_set_long(raw, CURLOPT_NOBODY, 1) }
            guard ccurl_set_text(raw, CURLOPT_URL, request.url) == CURLE_OK else { return false }
            easy.last = wish
        }
        if let body {
            ccurl_set_size(raw, CURLOPT_POSTFIELDSIZE_LARGE, curl_off_t(body.count))
            ccurl_set_pointer(raw, CURLOPT_POSTFIELDS, body.baseAddress)
        }
        ccurl_set_list(raw, CURLOPT_HTTPHEADER, fields.first)
        if !policy.isOpen { host = Self.host(of: request.url) }
        return true
    }

    private var connectTimeout: Duration { min(request.timeout, OutboundLimits.connect) }

    /// Called once, when the handle has left the loop.
    func finish(_ code: CURLcode) {
        guard let easy = easy?.raw else { return }
        var status = 0
        ccurl_get_long(easy, CURLINFO_RESPONSE_CODE, &status)
        let answer =
            // An interim answer (1xx) with none after it is no answer.
            status < 200
            ? nil : OutboundAnswer(status: status, body: answerBody, isTruncated: isTruncated)
        let failure = failure(code, easy)
        // How long the look at a name took would tell whether there is one.
        let timings = failure == .unreachable ? OutboundTimings() : timings(easy)
        release(OutboundResult(answer: answer, failure: failure, timings: timings))
    }

    func stop(_ failure: OutboundFailure) {
        stopped = failure
        finish(CURLE_ABORTED_BY_CALLBACK)
    }

    /// It never began.
    func refuse(_ failure: OutboundFailure) { release(OutboundResult(answer: nil, failure: failure)) }

    private func release(_ result: OutboundResult) {
        easy?.user = nil
        easy = nil
        self.result = result
    }

    /// Tells whoever waits. Called after everything that has ended with it is done: waking them one by one would cost more
    /// than the requests.
    func deliver() {
        guard let result else { return }
        continuation?.resume(returning: result)
        continuation = nil
    }

    /// The fields of the answer; for whoever was told the result.
    var answerFields: [OutboundAnswer.Field] {
        let fields = HeadText.fields(head.lines)
        guard result?.failure == nil, request.method != "HEAD", head.describesCodedBody else { return fields }
        // They speak of what came over the wire, and here is what it meant.
        return fields.filter { $0.name != "content-encoding" && $0.name != "content-length" }
    }

    /// Whether far more has come on its connection than an answer can need.
    func isEndless(on socket: Int32) -> Bool {
        // Of HTTP/2 a connection carries many at once, and frames have their bounds.
        guard head.isHTTP1, let received = SocketCounter.received(on: socket) else { return false }
        guard let before = receivedBefore else {
            receivedBefore = received
            return false
        }
        return received &- before > UInt64(OutboundLimits.wireBytes)
    }

    // MARK: What came of it

    private func failure(_ code: CURLcode, _ easy: UnsafeMutableRawPointer) -> OutboundFailure? {
        if let stopped { return stopped }
        // We closed it ourselves: what was kept is the answer.
        if isTruncated { return nil }
        switch code {
        case CURLE_OK: return nil
        case CURLE_URL_MALFORMAT: return .invalidURL
        case CURLE_COULDNT_RESOLVE_HOST: return policy.isOpen ? .nameNotFound : .unreachable
        case CURLE_COULDNT_CONNECT: return .notConnected(reason: Self.reason(easy) ?? "failed")
        case CURLE_OPERATION_TIMEDOUT:
            var connected: curl_off_t = 0
            ccurl_get_size(easy, CURLINFO_CONNECT_TIME_T, &connected)
            // One that was used again has no time of its own.
            if connected == 0, sendings == 0, connectTimeout < request.timeout {
                return .connectTimedOut(after: connectTimeout)
            }
            return .timedOut(after: request.timeout)
        case CURLE_PEER_FAILED_VERIFICATION: return .certificateNotTrusted
        case CURLE_SSL_CONNECT_ERROR, CURLE_SSL_CIPHER, CURLE_SSL_CERTPROBLEM: return .tlsFailed
        case CURLE_GOT_NOTHING: return .connectionLost(reason: "closed without an answer")
        case CURLE_PARTIAL_FILE: return .connectionLost(reason: "the answer ended early")
        case CURLE_RECV_ERROR, CURLE_SEND_ERROR:
            return .connectionLost(reason: Self.reason(easy) ?? "closed by the target")
        // A line of the head that is longer than libcurl's 100 KiB, as it says it.
        case CURLE_OUT_OF_MEMORY: return .headTooLarge
        case CURLE_WEIRD_SERVER_REPLY, CURLE_UNSUPPORTED_PROTOCOL, CURLE_HTTP2, CURLE_HTTP2_STREAM,
            CURLE_CHUNK_FAILED:
            return .notHTTP
        case CURLE_BAD_CONTENT_ENCODING: return .codingNotDecoded
        // None of our own callbacks: what comes behind the coded body.
        case CURLE_WRITE_ERROR where head.isCoded: return .codingNotDecoded
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
        return String(cString: text).asciiLowercased
    }
}

extension Transfer: HandleUser {
    /// Keeps what fits.
    func take(body bytes: UnsafeRawBufferPointer) -> Bool {
        let room = max(0, request.bodyLimit - answerBody.count)
        answerBody.append(contentsOf: bytes.prefix(room))
        isTruncated = bytes.count > room
        return !isTruncated
    }

    func take(headLine line: UnsafeRawBufferPointer) -> Bool {
        guard let failure = head.take(line) else { return true }
        stopped = failure
        return false
    }

    func mayOpen(_ target: SocketAddress?) -> Bool {
        guard let target, policy.allows(target.address, port: target.port, host: host) else {
            stopped = .unreachable
            return false
        }
        // An allowed address after a forbidden one: the name has both, and only this one is used.
        stopped = nil
        return true
    }

    func maySend(to remote: UnsafeMutablePointer<CChar>?, port: Int32) -> Bool {
        // A connection that is used again was opened for another request: look once more.
        guard policy.isOpen || mayReach(remote, port) else {
            stopped = .unreachable
            return false
        }
        sendings += 1
        guard sendings == 1 || (sendings == 2 && sentBytes == 0) else {
            // libcurl sends again when a connection that it used again had died; whether the first arrived nobody knows.
            stopped = .notSentTwice
            return false
        }
        beforeSending?()
        return true
    }

    /// What the system took of the request so far: nothing when the other side had closed the connection before.
    private var sentBytes: Int {
        guard let raw = easy?.raw else { return 0 }
        var bytes = Int.max
        ccurl_get_long(raw, CURLINFO_REQUEST_SIZE, &bytes)
        return bytes
    }

    private func mayReach(_ remote: UnsafeMutablePointer<CChar>?, _ port: Int32) -> Bool {
        guard let remote, let address = IPAddress(String(cString: remote)) else { return false }
        return policy.allows(address, port: Int(port), host: host)
    }
}
