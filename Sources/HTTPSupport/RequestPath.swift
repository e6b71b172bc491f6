internal import JobModel
internal import PayloadSchema

/// A request's path in decoded segments.
package enum RequestPath {
    package enum Problem: Error, Equatable {
        /// A `%` without two hex digits, or bytes that are not UTF-8.
        case badEncoding
        case badCharacter
    }

    /// nil for what no route can match: empty and dot segments, too many of them. Nothing is normalised, so that a
    /// proxy in front and Sluice never disagree about what a path means.
    package static func segments(of rawPath: String) throws(Problem) -> [String]? {
        if let segments = plainSegments(of: rawPath) { return segments }
        var segments: [String] = []
        for raw in rawPath.utf8.dropFirst().split(
            separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        {
            guard segments.count < HTTPLimits.pathSegments else { return nil }
            let segment = try decode(raw, plusIsSpace: false)
            if segment.isEmpty || segment == "." || segment == ".." { return nil }
            segments.append(segment)
        }
        return segments
    }

    /// Of a path of visible ASCII without percent signs and dots at the beginning of segments: nothing is to be decoded, and
    /// nothing can be wrong. nil says nothing.
    private static func plainSegments(of rawPath: String) -> [String]? {
        var text = rawPath
        return text.withUTF8 { bytes -> [String]? in
            guard bytes.first == UInt8(ascii: "/") else { return nil }
            var segments: [String] = []
            segments.reserveCapacity(8)
            var start = 1
            var position = 1
            while position <= bytes.count {
                let byte = position < bytes.count ? bytes[position] : UInt8(ascii: "/")
                if byte == UInt8(ascii: "/") {
                    guard position > start, segments.count < HTTPLimits.pathSegments else { return nil }
                    segments.append(
                        String(decoding: UnsafeBufferPointer(rebasing: bytes[start..<position]), as: UTF8.self))
                    start = position + 1
                } else if byte == UInt8(ascii: "%") || !ASCII.isVisible(byte)
                    || (byte == UInt8(ascii: ".") && position == start)
                {
                    return nil
                }
                position += 1
            }
            return segments
        }
    }

    /// Undoes percent-encoding (RFC 3986, section 2.1). Control characters are refused.
    static func decode(_ text: Substring.UTF8View, plusIsSpace: Bool) throws(Problem) -> String {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.count)
        var iterator = text.makeIterator()
        while let byte = iterator.next() {
            switch byte {
            case UInt8(ascii: "%"):
                guard let high = iterator.next(), let low = iterator.next(), let byte = Hexadecimal.byte(high, low)
                else { throw .badEncoding }
                bytes.append(byte)
            case UInt8(ascii: "+") where plusIsSpace:
                bytes.append(UInt8(ascii: " "))
            default:
                bytes.append(byte)
            }
        }
        guard let decoded = String(validating: bytes, as: UTF8.self) else { throw .badEncoding }
        guard !decoded.utf8.contains(where: { $0 < 0x20 || $0 == 0x7F }) else { throw .badCharacter }
        return decoded
    }
}

/// The names and values of a query, in order (WHATWG URL, application/x-www-form-urlencoded parsing).
package enum Query {
    package static func items(of raw: String?) throws(RequestPath.Problem) -> [(name: String, value: String)] {
        guard let raw, !raw.isEmpty else { return [] }
        var items: [(name: String, value: String)] = []
        for pair in raw.utf8.split(separator: UInt8(ascii: "&")) {
            let parts = pair.split(separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
            let name = try RequestPath.decode(parts[0], plusIsSpace: true)
            let value = parts.count > 1 ? try RequestPath.decode(parts[1], plusIsSpace: true) : ""
            items.append((name, value))
        }
        return items
    }
}
