private import Synchronization

/// Bounds on connections and requests.
package struct HTTPLimits: Sendable {
    /// Request line and fields together: common servers allow 8 to 64 KiB.
    package var headBytes = 32 << 10
    package var headFields = 100
    /// From the first byte of a request, or from the start of a connection, to the end of its head.
    package var headMilliseconds: Int64 = 10_000
    /// A whole body; larger ones are not read. Holds for requests that begin after it was set.
    package let body = BodyLimit()
    /// From the end of the head to the end of the body, whatever its size: 64 KiB a second at least for large ones.
    package var bodyMilliseconds: Int64 { max(30_000, Int64(body.bytes) * 1000 / (64 << 10)) }
    /// Between two requests of a connection: longer than the 60 s of common proxies, so that they close first.
    package var idleMilliseconds: Int64 = 75_000
    /// A response that the client does not read.
    package var flushMilliseconds: Int64 = 30_000
    /// After a response that closes the connection: the client may still be sending, and a reset would take the
    /// response away from it (RFC 9112, section 9.6).
    package var lingerMilliseconds: Int64 = 2000
    /// Path segments: deeper paths match nothing.
    package static let pathSegments = 32
    /// Open connections.
    package var connections = 16_384

    package init() {}

    /// Changes with the manifest.
    package final class BodyLimit: Sendable {
        private let value = Atomic(1 << 20)

        package var bytes: Int {
            get { value.load(ordering: .relaxed) }
            set { value.store(newValue, ordering: .relaxed) }
        }
    }
}
