internal import JobModel

/// The head of an answer, line by line as it comes: what is kept of it, and what makes the whole answer worthless. A value: it
/// decides.
struct AnswerHead {
    /// Status line and fields of the latest answer; neither those of interim answers before it nor trailers behind its body.
    private(set) var lines: [UInt8] = []
    private(set) var isHTTP1 = false
    /// Whether the body has a coding.
    private(set) var isCoded = false
    private var status = 0
    private var bytes = 0
    /// What Content-Length says, as digits without leading zeros.
    private var length: [UInt8]?
    /// What follows now are trailers.
    private var isOver = false

    init() { lines.reserveCapacity(512) }

    /// Whether there is a body, and the fields speak of its coded form (RFC 9110, sections 6.4.1 and 8.6).
    var describesCodedBody: Bool { isCoded && status != 204 && status != 304 }

    /// - Returns: why the answer is not taken.
    mutating func take(_ line: UnsafeRawBufferPointer) -> OutboundFailure? {
        bytes += line.count
        guard bytes <= OutboundLimits.headBytes else { return .headTooLarge }
        guard !isOver else { return nil }
        if line.starts(with: "HTTP/".utf8) { return begin(line) }
        guard let first = line.first, first != UInt8(ascii: "\r"), first != UInt8(ascii: "\n") else {
            isOver = status >= 200
            return nil
        }
        lines.append(contentsOf: line)
        // An interim answer has no body that its fields could speak of.
        guard status >= 200 else { return nil }
        switch ASCII.lowercase(first) {
        case UInt8(ascii: "c"):
            if let value = Self.value(of: "content-length", line) { return take(length: value) }
            if let value = Self.value(of: "content-encoding", line) { return take(codings: value) }
        case UInt8(ascii: "t"):
            if let value = Self.value(of: "transfer-encoding", line) { return take(transferCodings: value) }
        default: break
        }
        return nil
    }

    private mutating func begin(_ line: UnsafeRawBufferPointer) -> OutboundFailure? {
        // An interim answer's fields are not the answer's.
        lines.removeAll(keepingCapacity: true)
        lines.append(contentsOf: line)
        (length, isCoded) = (nil, false)
        isHTTP1 = line.dropFirst(5).first == UInt8(ascii: "1")
        let digits = line.drop { $0 != 0x20 }.dropFirst().prefix(3).prefix { (0x30...0x39).contains($0) }
        status = digits.reduce(0) { $0 * 10 + Int($1 - 0x30) }
        // libcurl would wait for what comes behind it in a protocol that nobody speaks.
        return status == 101 ? .protocolSwitched : nil
    }

    private typealias Value = Slice<UnsafeRawBufferPointer>

    /// The field's value when the line has this field.
    private static func value(of name: StaticString, _ line: UnsafeRawBufferPointer) -> Value? {
        let count = name.utf8CodeUnitCount
        guard line.count > count, line[count] == UInt8(ascii: ":") else { return nil }
        let isSame = name.withUTF8Buffer { ASCII.isSame($0, line.prefix(count)) }
        return isSame ? line[(count + 1)...] : nil
    }

    private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }

    /// The members of a list (RFC 9110, section 5.6.1), without the white space around them.
    private static func members(_ value: Value) -> [Value] {
        value.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false).map { member in
            var member = member
            while let first = member.first, isSpace(first) { member.removeFirst() }
            while let last = member.last, isSpace(last) { member.removeLast() }
            return member
        }
    }

    /// Whoever takes the first of two lengths and whoever takes the last see different answers on one connection (RFC 9112,
    /// section 6.3); the same one several times is one.
    private mutating func take(length value: Value) -> OutboundFailure? {
        for member in Self.members(value) {
            guard !member.isEmpty, member.allSatisfy({ (0x30...0x39).contains($0) }) else { return .notHTTP }
            let digits = Array(member.drop { $0 == 0x30 })
            guard length == nil || length == digits else { return .lengthsDiffer }
            length = digits
        }
        return nil
    }

    /// One is decoded as it comes, within the body's limit. Of several inside each other one could say little and the next much,
    /// so that a few bytes take minutes to come to nothing.
    private mutating func take(codings value: Value) -> OutboundFailure? {
        for member in Self.members(value) where !member.isEmpty && !ASCII.isSame(member, "identity".utf8) {
            guard !isCoded else { return .codingNotDecoded }
            isCoded = true
        }
        return nil
    }

    /// Nobody asked for any but chunked (RFC 9112, section 7.4), and libcurl would decode one inside the other.
    private func take(transferCodings value: Value) -> OutboundFailure? {
        let isPlain = Self.members(value).allSatisfy {
            $0.isEmpty || ASCII.isSame($0, "chunked".utf8) || ASCII.isSame($0, "identity".utf8)
        }
        return isPlain ? nil : .codingNotDecoded
    }
}
