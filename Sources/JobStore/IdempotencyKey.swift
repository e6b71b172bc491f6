package import JobModel

/// A caller's key, hashed with its scope, and a hash of the request that it came with.
package struct IdempotencyKey: Equatable, Sendable {
    package var scope: [UInt8]
    package var fingerprint: [UInt8]
    package var expires: Timestamp

    package init(scope: [UInt8], fingerprint: [UInt8], expires: Timestamp) {
        self.scope = scope
        self.fingerprint = fingerprint
        self.expires = expires
    }
}
