internal import CCrypto

/// The system's libcrypto, and what was fetched of it: each fetch searches its providers, so it is done once.
package final class LibCrypto: @unchecked Sendable {
    // Algorithms never change once they are fetched, and libcrypto lets all threads share them.
    static let shared = LibCrypto()

    let sha256: OpaquePointer
    let hmac: OpaquePointer

    /// Anything else that uses libcrypto in this process, such as libcurl, has to call this before it does.
    ///
    /// Whoever comes first decides whether libcrypto frees everything at exit. It must not: threads of ours may still be
    /// using it then.
    package static func prepare() { _ = shared }

    private init() {
        OPENSSL_init_crypto(UInt64(OPENSSL_INIT_NO_ATEXIT), nil)
        // openssl.cnf can switch SHA-256 off, for instance by naming no provider that has it. A context of our own does not
        // read that file.
        guard let found = Self.fetch(from: nil) ?? Self.fetch(from: OSSL_LIB_CTX_new()) else {
            fatalError("libcrypto has neither SHA-256 nor memory")
        }
        (sha256, hmac) = found
    }

    /// nil when one of them is missing or cannot be used.
    private static func fetch(from library: OpaquePointer?) -> (sha256: OpaquePointer, hmac: OpaquePointer)? {
        guard let sha256 = EVP_MD_fetch(library, "SHA256", nil), let hmac = EVP_MAC_fetch(library, "HMAC", nil),
            let context = HMACContext.make(hmac)
        else { return nil }
        HMACContext.free(context)
        return (sha256, hmac)
    }
}
