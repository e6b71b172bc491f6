internal import CCrypto

/// For secrets: how long a comparison takes tells nothing about where two of them differ.
package enum ConstantTime {
    /// Only their lengths may show.
    package static func equal(_ left: [UInt8], _ right: [UInt8]) -> Bool {
        left.count == right.count && CRYPTO_memcmp(left, right, left.count) == 0
    }
}
