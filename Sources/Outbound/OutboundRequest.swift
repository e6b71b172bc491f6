internal import JobModel

/// One HTTP request that leaves this machine.
package struct OutboundRequest: Sendable {
    package var method: String
    package var url: String
    /// Checked by `HTTPHeaderRules`; what is wrong there is never sent.
    package var headers: [(name: String, value: String)]
    /// nil for none.
    package var body: [UInt8]?
    /// From the first look at the name to the last byte of the answer.
    package var timeout: Duration
    /// Bytes of the answer's body that are kept, decoded; past them the connection is closed and the status decides.
    package var bodyLimit: Int

    package init(
        method: String, url: String, headers: [(name: String, value: String)] = [], body: [UInt8]? = nil,
        timeout: Duration, bodyLimit: Int = OutboundLimits.bodyBytes
    ) {
        self.method = method
        self.url = url
        self.headers = headers
        self.body = body
        self.timeout = timeout
        self.bodyLimit = bodyLimit
    }
}

/// Bounds on what comes back, and on waiting for it.
package enum OutboundLimits {
    /// What is kept of an answer (CONTRACT 5: body text cut at 64 KiB).
    package static let bodyBytes = 64 << 10
    /// Status lines and fields of an answer, interim ones and trailers included: far more than any server that means well
    /// sends, so that endless ones end.
    package static let headBytes = 256 << 10
    /// Everything of an answer as it comes over the wire. A body at its limit in chunks of one byte, behind the largest head,
    /// is 640 KiB.
    static let wireBytes = 1 << 20
    /// To a host that answers no packet: most are far quicker, and an attempt has better uses for its time.
    package static let connect = Duration.seconds(10)
    /// Idle connections that are kept for the next request, by each of libcurl's handles.
    package static let idleConnections = 64
    /// An idle connection older than this is not used again, for many servers close theirs after a minute.
    package static let idleSeconds = 50
    /// A URL; common servers allow 8 KiB.
    package static let urlBytes = 8 << 10
}
