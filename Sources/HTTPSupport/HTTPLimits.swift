private import Synchronization

/// Bounds on connections and requests.
package struct HTTPLimits: Sendable {
    /// Request line and fields together: common servers allow 8 to 64 KiB.
    package var headBytes = 32 << 10
    package var headFields = 100
    /// From the first byte of a request, or from the start of a connection, to the end of its head.
    package var headMilliseconds: Int64 = 10_000
    /// From the end of the head to the end of the body, for each 64 KiB that the body may have: 64 KiB a second at least for
    /// large ones, and never less than this.
    package var bodyMilliseconds: Int64 = 30_000
    /// Between two requests of a connection: longer than the 60 s of common proxies, so that they close first.
    package var idleMilliseconds: Int64 = 75_000
    /// An answer of which the client takes nothing meanwhile.
    package var flushMilliseconds: Int64 = 30_000
    /// The same while the server shuts down.
    package var lastFlushMilliseconds: Int64 = 1000
    /// After a response that closes the connection: the client may still be sending, and a reset would take the
    /// response away from it (RFC 9112, section 9.6).
    package var lingerMilliseconds: Int64 = 2000
    /// What is read of a body that nobody wants, so that its connection can be used again.
    package var skippedBytes = 64 << 10
    /// Parts of pipelined requests that wait while one is answered: some 170 requests. Past it the connection ends after those.
    package static let waitingParts = 512
    /// Values of a query: forms have tens of them, and each takes time on an event loop.
    package static let queryItems = 256
    /// Preferences in `Prefer` that are looked at.
    package static let preferences = 16
    /// Path segments: deeper paths match nothing.
    package static let pathSegments = 32
    /// A stream of events, in milliseconds: whoever wants more comes again.
    package static let streamMilliseconds: Int64 = 600_000
    /// Bytes of bodies that are under way, all together.
    package static let bodiesUnderWay = 64 << 20
    /// A body up to this size is read whatever else is under way.
    package static let smallBody = 64 << 10
    /// Connections of all that are kept for this machine.
    package static let keptForLoopback = 64

    /// Open connections, as many as descriptors allow; the manifest may want fewer.
    package var connections = 16_384

    package init() {}

    func bodyMilliseconds(of bytes: Int) -> Int64 { max(bodyMilliseconds, Int64(bytes) * 1000 / (64 << 10)) }
}
