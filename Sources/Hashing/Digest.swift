/// 32 bytes of SHA-256 or of an HMAC with it.
package struct Digest: Equatable, Sendable {
    // Four words rather than an array: most digests are looked at and forgotten, and this costs no allocation.
    private let words: (UInt64, UInt64, UInt64, UInt64)

    /// Lets `body` write the 32 bytes.
    init(filledBy body: (UnsafeMutablePointer<UInt8>) -> Void) {
        words = withUnsafeTemporaryAllocation(byteCount: 32, alignment: 8) { buffer in
            if let start = buffer.baseAddress {
                body(start.assumingMemoryBound(to: UInt8.self))
            }
            let words = buffer.assumingMemoryBound(to: UInt64.self)
            return (words[0], words[1], words[2], words[3])
        }
    }

    package var bytes: [UInt8] { withUnsafeBytes(of: words) { Array($0) } }

    /// The first eight bytes, the first one being the most significant.
    package var leading: UInt64 { UInt64(bigEndian: words.0) }

    package static func == (left: Digest, right: Digest) -> Bool { left.words == right.words }
}
