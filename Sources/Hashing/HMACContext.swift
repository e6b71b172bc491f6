internal import CCrypto

/// A context of libcrypto that is set up for HMAC with SHA-256 and lacks a key.
enum HMACContext {
    /// nil when this libcrypto has no SHA-256 for an HMAC.
    static func make(_ hmac: OpaquePointer) -> OpaquePointer? {
        guard let context = EVP_MAC_CTX_new(hmac) else { return nil }
        var name: [CChar] = Array("SHA256".utf8CString)
        let isSet = name.withUnsafeMutableBufferPointer { name in
            let parameters = [
                // OSSL_MAC_PARAM_DIGEST; it is read before the call returns.
                OSSL_PARAM_construct_utf8_string("digest", name.baseAddress, 0), OSSL_PARAM_construct_end(),
            ]
            return EVP_MAC_CTX_set_params(context, parameters) == 1
        }
        if isSet { return context }
        free(context)
        return nil
    }

    static func free(_ context: OpaquePointer) { EVP_MAC_CTX_free(context) }
}
