internal import CCrypto

/// Bytes that nobody can guess, for secrets and capabilities.
package enum RandomBytes {
    package static func make(count: Int) -> [UInt8] {
        LibCrypto.prepare()
        var bytes = [UInt8](repeating: 0, count: count)
        if let size = Int32(exactly: count), RAND_bytes(&bytes, size) == 1 { return bytes }
        // The kernel's, which libcrypto would have used for a seed.
        var generator = SystemRandomNumberGenerator()
        return bytes.map { _ in UInt8.random(in: .min ... .max, using: &generator) }
    }
}
