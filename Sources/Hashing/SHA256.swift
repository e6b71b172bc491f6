internal import CCrypto

/// SHA-256 (FIPS 180-4) by the system's libcrypto.
///
///     SHA256.hash(bytes)
///     SHA256.hash { hash in
///         hash.update(head)
///         hash.update(body)
///     }
///
/// It cannot be copied or kept, because its context belongs to the thread that hashes.
package struct SHA256: ~Copyable {
    private static let contexts = ThreadSlot(free: { EVP_MD_CTX_free($0.map { OpaquePointer($0) }) })

    private let context: OpaquePointer

    package static func hash(_ bytes: [UInt8]) -> Digest { bytes.withUnsafeBytes { hash($0) } }

    package static func hash(_ bytes: UnsafeRawBufferPointer) -> Digest {
        let hash = SHA256()
        hash.add(bytes)
        return hash.finish()
    }

    /// Of the text's UTF-8 bytes.
    package static func hash(_ text: String) -> Digest {
        var text = text
        return text.withUTF8 { hash(UnsafeRawBufferPointer($0)) }
    }

    /// Of several pieces, as if they were one.
    package static func hash(_ pieces: (inout SHA256) -> Void) -> Digest {
        var hash = SHA256()
        pieces(&hash)
        return hash.finish()
    }

    package mutating func update(_ bytes: [UInt8]) { bytes.withUnsafeBytes { add($0) } }

    package mutating func update(_ bytes: UnsafeRawBufferPointer) { add(bytes) }

    /// The text's UTF-8 bytes.
    package mutating func update(_ text: String) {
        var text = text
        text.withUTF8 { add(UnsafeRawBufferPointer($0)) }
    }

    private init() {
        context = Self.contexts.take() ?? Self.newContext()
        // Without an algorithm it goes on with the one that it has, in half the time.
        Self.check(EVP_DigestInit_ex2(context, nil, nil))
    }

    private static func newContext() -> OpaquePointer {
        guard let context = EVP_MD_CTX_new() else { fatalError("no memory for a hash") }
        check(EVP_DigestInit_ex2(context, LibCrypto.shared.sha256, nil))
        return context
    }

    private borrowing func add(_ bytes: UnsafeRawBufferPointer) {
        Self.check(EVP_DigestUpdate(context, bytes.baseAddress, bytes.count))
    }

    private consuming func finish() -> Digest {
        let digest = Digest { Self.check(EVP_DigestFinal_ex(context, $0, nil)) }
        Self.contexts.giveBack(context)
        return digest
    }

    /// Nothing but a lack of memory makes these calls fail, and a digest that is wrong must not be used.
    @inline(__always) private static func check(_ status: Int32) {
        guard status == 1 else { fatalError("libcrypto cannot hash") }
    }
}
