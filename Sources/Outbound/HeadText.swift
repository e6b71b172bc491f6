/// The head of an answer as it came, line by line.
enum HeadText {
    /// Names in lower case, in their order; lines that are no fields are passed over.
    static func fields(_ bytes: [UInt8]) -> [OutboundAnswer.Field] {
        bytes.split(separator: UInt8(ascii: "\n")).compactMap(field)
    }

    private static func field(_ line: ArraySlice<UInt8>) -> OutboundAnswer.Field? {
        guard let colon = line.firstIndex(of: UInt8(ascii: ":")), !line.starts(with: "HTTP/".utf8) else { return nil }
        var value = line[(colon + 1)...]
        while let first = value.first, isSpace(first) { value.removeFirst() }
        while let last = value.last, isSpace(last) { value.removeLast() }
        let name = line[..<colon].map { (0x41...0x5A).contains($0) ? $0 | 0x20 : $0 }
        return OutboundAnswer.Field(String(decoding: name, as: UTF8.self), String(decoding: value, as: UTF8.self))
    }

    private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }
}
