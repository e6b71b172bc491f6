internal import CCrypto

/// HMAC with SHA-256 (RFC 2104) under one key, by the system's libcrypto.
package struct HMACSHA256: Sendable, CustomStringConvertible, CustomReflectable {
    private static let contexts = ThreadSlot(free: { EVP_MAC_CTX_free($0.map { OpaquePointer($0) }) })

    private let key: [UInt8]

    /// - Parameter key: of any length; one of more than 64 bytes is hashed first.
    package init(key: [UInt8]) {
        self.key = key
    }

    /// Of all pieces, as if they were one.
    package func code(of pieces: [UInt8]...) -> Digest {
        let context = Self.contexts.take() ?? Self.newContext()
        // A null pointer would mean the key that the context had before.
        let isStarted =
            key.isEmpty
            ? EVP_MAC_init(context, [0], 0, nil) : EVP_MAC_init(context, key, key.count, nil)
        Self.check(isStarted)
        for piece in pieces { Self.check(EVP_MAC_update(context, piece, piece.count)) }
        let digest = Digest { Self.check(EVP_MAC_final(context, $0, nil, 32)) }
        Self.contexts.giveBack(context)
        return digest
    }

    private static func newContext() -> OpaquePointer {
        guard let context = HMACContext.make(LibCrypto.shared.hmac) else { fatalError("no memory for an HMAC") }
        return context
    }

    /// Nothing but a lack of memory makes these calls fail, and a code that is wrong must not be used.
    private static func check(_ status: Int32) {
        guard status == 1 else { fatalError("libcrypto cannot compute an HMAC") }
    }

    // The key is a secret.
    package var description: String { "HMACSHA256(***)" }
    package var customMirror: Mirror { Mirror(self, children: []) }
}
