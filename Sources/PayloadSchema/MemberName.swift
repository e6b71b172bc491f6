/// A name as its bytes have it.
///
/// `String` compares by canonical equivalence (Unicode 3.0.2, D70), so that the KELVIN SIGN and "K" are one name to it, or
/// "é" and "e" with an accent. JSON compares names code unit by code unit (RFC 8259, section 8.3).
package struct MemberName: Hashable, Sendable {
    package let text: String

    package init(_ text: String) { self.text = text }

    package static func == (left: MemberName, right: MemberName) -> Bool { left.text.hasSameBytes(as: right.text) }

    /// Of the bytes too: `String` hashes all 2^n names of n letters that are each K or KELVIN SIGN alike, and an object of
    /// such names would take quadratic time to read.
    package func hash(into hasher: inout Hasher) {
        var text = text
        text.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
    }
}

extension String {
    /// Whether both are the same UTF-8, where `==` asks for canonical equivalence.
    package func hasSameBytes(as other: String) -> Bool {
        // What differs for `==` has other bytes, and that is where most pairs differ and where `==` is the faster one.
        self == other && utf8.elementsEqual(other.utf8)
    }
}
