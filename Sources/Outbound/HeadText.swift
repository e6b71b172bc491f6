internal import JobModel

/// The head of an answer as it came, line by line.
enum HeadText {
    /// Names in lower case, in their order; lines that are no fields are passed over.
    static func fields(_ bytes: [UInt8]) -> [OutboundAnswer.Field] {
        bytes.withUnsafeBufferPointer { bytes in
            var fields: [OutboundAnswer.Field] = []
            var rest = bytes[...]
            while !rest.isEmpty {
                let end = rest.firstIndex(of: UInt8(ascii: "\n")) ?? rest.endIndex
                if let field = field(rest[..<end]) { fields.append(field) }
                rest = rest[end...].dropFirst()
            }
            return fields
        }
    }

    private static func field(_ line: Slice<UnsafeBufferPointer<UInt8>>) -> OutboundAnswer.Field? {
        guard let colon = line.firstIndex(of: UInt8(ascii: ":")), !line.starts(with: "HTTP/".utf8) else { return nil }
        var value = line[(colon + 1)...]
        while let first = value.first, isSpace(first) { value.removeFirst() }
        while let last = value.last, isSpace(last) { value.removeLast() }
        let name = line[..<colon]
        let text = String(unsafeUninitializedCapacity: name.count) { buffer in
            for (offset, byte) in name.enumerated() { buffer[offset] = ASCII.lowercase(byte) }
            return name.count
        }
        return OutboundAnswer.Field(text, String(decoding: value, as: UTF8.self))
    }

    private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }
}
