/// Letters as protocols compare them: only A to Z have a lower case (RFC 9110, section 5.1; the Infra standard's "ASCII
/// case-insensitive match"). `String.lowercased()` folds by Unicode, and makes the KELVIN SIGN U+212A a k.
package enum ASCII {
    /// A to Z become a to z; every other byte stays.
    @inlinable package static func lowercase(_ byte: UInt8) -> UInt8 {
        (0x41...0x5A).contains(byte) ? byte | 0x20 : byte
    }

    /// A visible character, `VCHAR` of RFC 5234, appendix B.1: what a URL is written with (RFC 3986, section 2).
    @inlinable package static func isVisible(_ byte: UInt8) -> Bool { byte > 0x20 && byte < 0x7F }

    /// Whether two texts have the same bytes but for the case of A to Z.
    @inlinable package static func isSame(_ left: some Collection<UInt8>, _ right: some Collection<UInt8>) -> Bool {
        left.count == right.count && zip(left, right).allSatisfy { lowercase($0) == lowercase($1) }
    }
}

// For the two types of text that there are, and not for all of `StringProtocol`: a generic function of another module is not
// specialised, and these are called several times a request.
extension String {
    /// A to Z in lower case; everything else stays as it is.
    package var asciiLowercased: String {
        guard utf8.contains(where: { (0x41...0x5A).contains($0) }) else { return self }
        return String(unsafeUninitializedCapacity: utf8.count) { buffer in
            var count = 0
            for byte in utf8 {
                buffer[count] = ASCII.lowercase(byte)
                count += 1
            }
            return count
        }
    }

    /// Whether it is the same name in a protocol that ignores case.
    package func isSameIgnoringASCIICase(as other: String) -> Bool {
        guard utf8.count == other.utf8.count else { return false }
        let isSame = utf8.withContiguousStorageIfAvailable { left in
            other.utf8.withContiguousStorageIfAvailable { right in
                for index in left.indices where left[index] != right[index] {
                    guard ASCII.lowercase(left[index]) == ASCII.lowercase(right[index]) else { return false }
                }
                return true
            }
        }
        return (isSame ?? nil) ?? ASCII.isSame(utf8, other.utf8)
    }
}

extension Substring {
    /// A to Z in lower case; everything else stays as it is.
    package var asciiLowercased: String { String(self).asciiLowercased }

    /// Whether it is the same name in a protocol that ignores case.
    package func isSameIgnoringASCIICase(as other: String) -> Bool { ASCII.isSame(utf8, other.utf8) }
}
