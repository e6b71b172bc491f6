extension JSONValue {
    /// The value as RFC 8785 (JSON Canonicalization Scheme) writes it: values that mean the same have the same bytes,
    /// others do not. `1`, `1.0` and `1e0` are one, `1` and `"1"` are two, and the order of members does not count.
    ///
    /// Numbers are doubles here (section 3.2.2.3), so 9007199254740993 is written as its neighbour 9007199254740992: the
    /// RFC, RFC 7493 (section 2.2) and most handlers cannot tell them apart, and longer numbers belong in strings
    /// (appendix D). It is the safe side for what compares by these bytes: nobody gets a second key for the same number by
    /// adding digits to it. For the same reason numbers past a double's range, for which the RFC knows an error only, are
    /// all `Infinity` or `-Infinity`, as ECMAScript prints them; no JSON text is.
    package var canonicalBytes: [UInt8] {
        var bytes: [UInt8] = []
        writeCanonically(to: &bytes)
        return bytes
    }

    /// The recursion is bounded: values come from the parser, at most 64 deep, or from our own code.
    package func writeCanonically(to bytes: inout [UInt8]) {
        switch self {
        case .null, .bool, .string: write(to: &bytes)
        case .number(let number): bytes.append(contentsOf: number.canonicalText.utf8)
        case .array(let elements):
            bytes.append(UInt8(ascii: "["))
            for (index, element) in elements.enumerated() {
                if index > 0 { bytes.append(UInt8(ascii: ",")) }
                element.writeCanonically(to: &bytes)
            }
            bytes.append(UInt8(ascii: "]"))
        case .object(let object):
            bytes.append(UInt8(ascii: "{"))
            // By UTF-16 code units (section 3.2.3): unlike bytes, they sort U+FB33 behind U+1F600.
            let members = object.members.sorted { $0.name.utf16.lexicographicallyPrecedes($1.name.utf16) }
            for (index, member) in members.enumerated() {
                if index > 0 { bytes.append(UInt8(ascii: ",")) }
                Self.write(member.name, to: &bytes)
                bytes.append(UInt8(ascii: ":"))
                member.value.writeCanonically(to: &bytes)
            }
            bytes.append(UInt8(ascii: "}"))
        }
    }
}

extension JSONNumber {
    /// Integers up to here are doubles, each the only one that reads as itself.
    private static let exactIntegers: Int64 = 1 << 53

    fileprivate var canonicalText: String {
        // The common case, without a detour over a double. -0 becomes 0, as it must.
        if let integer, (-Self.exactIntegers...Self.exactIntegers).contains(integer) { return String(integer) }
        let value = double
        guard value.isFinite else { return value < 0 ? "-Infinity" : "Infinity" }
        return Self.javaScriptText(of: value)
    }
}
