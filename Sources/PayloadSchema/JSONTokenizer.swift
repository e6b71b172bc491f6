/// Reads one JSON text (RFC 8259) token by token, checking all of it.
///
/// It keeps its place in a bit per level, so that neither depth nor length of the input costs stack or heap.
/// UTF-8 is checked as RFC 3629 says, `\u` escapes must not leave a lone surrogate.
struct JSONTokenizer {
    /// Arrays and objects inside each other. 64 is what the bits of one word hold, and more than people write.
    static let maximumDepth = 64

    enum Token: Equatable {
        case beginObject, endObject, beginArray, endArray
        /// The bytes between the quotes; `escaped` when a backslash is among them.
        case key(Range<Int>, escaped: Bool)
        case string(Range<Int>, escaped: Bool)
        case number(Range<Int>)
        case bool(Bool)
        case null
    }

    private enum Expecting {
        case value, valueOrEndOfArray, keyOrEndOfObject, key, colon, commaOrEnd, nothing
    }

    private let bytes: UnsafeBufferPointer<UInt8>
    private var index = 0
    private var depth = 0
    /// Bit n is set when level n is an object.
    private var objects: UInt64 = 0
    private var expecting = Expecting.value

    init(_ bytes: UnsafeBufferPointer<UInt8>) {
        self.bytes = bytes
    }

    /// The next token, or nil after the end of a complete text.
    mutating func next() throws(JSONError) -> Token? {
        while true {
            skipWhitespace()
            guard index < bytes.count else {
                if expecting == .nothing { return nil }
                throw error(depth == 0 ? .empty : .unexpectedEnd)
            }
            let byte = bytes[index]
            switch expecting {
            case .nothing:
                throw error(.trailing)
            case .colon:
                guard byte == UInt8(ascii: ":") else { throw error(.unexpected(byte)) }
                index += 1
                expecting = .value
            case .commaOrEnd:
                if byte == UInt8(ascii: ",") {
                    index += 1
                    expecting = inObject ? .key : .value
                } else {
                    return try end(byte)
                }
            case .keyOrEndOfObject where byte == UInt8(ascii: "}"), .valueOrEndOfArray where byte == UInt8(ascii: "]"):
                return try end(byte)
            case .key, .keyOrEndOfObject:
                guard byte == UInt8(ascii: "\"") else { throw error(.unexpected(byte)) }
                let (range, escaped) = try string()
                expecting = .colon
                return .key(range, escaped: escaped)
            case .value, .valueOrEndOfArray:
                return try value(byte)
            }
        }
    }

    private var inObject: Bool { depth > 0 && objects & (1 << UInt64(depth - 1)) != 0 }

    private func error(_ reason: JSONError.Reason) -> JSONError { JSONError(reason, at: index, in: bytes) }

    private mutating func skipWhitespace() {
        while index < bytes.count {
            switch bytes[index] {
            case 0x20, 0x0A, 0x0D, 0x09: index += 1
            default: return
            }
        }
    }

    private mutating func value(_ byte: UInt8) throws(JSONError) -> Token {
        switch byte {
        case UInt8(ascii: "{"):
            try begin(object: true)
            return .beginObject
        case UInt8(ascii: "["):
            try begin(object: false)
            return .beginArray
        case UInt8(ascii: "\""):
            let (range, escaped) = try string()
            finishValue()
            return .string(range, escaped: escaped)
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"):
            let range = try number()
            finishValue()
            return .number(range)
        case UInt8(ascii: "t"):
            try literal("true")
            return .bool(true)
        case UInt8(ascii: "f"):
            try literal("false")
            return .bool(false)
        case UInt8(ascii: "n"):
            try literal("null")
            return .null
        default:
            throw error(.unexpected(byte))
        }
    }

    private mutating func begin(object: Bool) throws(JSONError) {
        guard depth < Self.maximumDepth else { throw error(.tooDeep(limit: Self.maximumDepth)) }
        let bit: UInt64 = 1 << UInt64(depth)
        objects = object ? objects | bit : objects & ~bit
        depth += 1
        index += 1
        expecting = object ? .keyOrEndOfObject : .valueOrEndOfArray
    }

    private mutating func end(_ byte: UInt8) throws(JSONError) -> Token {
        let object = inObject
        guard depth > 0, byte == (object ? UInt8(ascii: "}") : UInt8(ascii: "]")) else {
            throw error(.unexpected(byte))
        }
        depth -= 1
        index += 1
        finishValue()
        return object ? .endObject : .endArray
    }

    private mutating func finishValue() { expecting = depth == 0 ? .nothing : .commaOrEnd }

    private mutating func literal(_ text: StaticString) throws(JSONError) {
        for offset in 0..<text.utf8CodeUnitCount {
            guard index < bytes.count else { throw error(.unexpectedEnd) }
            guard bytes[index] == text.utf8Start[offset] else { throw error(.unexpected(bytes[index])) }
            index += 1
        }
        finishValue()
    }

    private mutating func number() throws(JSONError) -> Range<Int> {
        let start = index
        if peek() == UInt8(ascii: "-") { index += 1 }
        if peek() == UInt8(ascii: "0") {
            index += 1
        } else {
            try digits()
        }
        if peek() == UInt8(ascii: ".") {
            index += 1
            try digits()
        }
        if let byte = peek(), byte == UInt8(ascii: "e") || byte == UInt8(ascii: "E") {
            index += 1
            if let sign = peek(), sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-") { index += 1 }
            try digits()
        }
        if let byte = peek(), isDigit(byte) { throw error(.invalidNumber) }
        return start..<index
    }

    private func peek() -> UInt8? { index < bytes.count ? bytes[index] : nil }

    private func isDigit(_ byte: UInt8) -> Bool { byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9") }

    private mutating func digits() throws(JSONError) {
        let start = index
        while let byte = peek(), isDigit(byte) { index += 1 }
        guard index > start else { throw error(peek() == nil ? .unexpectedEnd : .invalidNumber) }
    }

    private mutating func string() throws(JSONError) -> (Range<Int>, escaped: Bool) {
        index += 1
        let start = index
        var escaped = false
        while index < bytes.count {
            let byte = bytes[index]
            switch byte {
            case UInt8(ascii: "\""):
                index += 1
                return (start..<(index - 1), escaped)
            case UInt8(ascii: "\\"):
                escaped = true
                try escape()
            case 0x00..<0x20:
                throw error(.controlCharacter)
            case 0x20..<0x80:
                index += 1
            default:
                try multibyte(byte)
            }
        }
        throw error(.unexpectedEnd)
    }

    private mutating func escape() throws(JSONError) {
        guard index + 1 < bytes.count else { throw error(.unexpectedEnd) }
        switch bytes[index + 1] {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"), UInt8(ascii: "f"),
            UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
            index += 2
        case UInt8(ascii: "u"):
            let unit = try codeUnit(at: index)
            switch unit {
            case 0xD800..<0xDC00:
                guard index + 7 < bytes.count, bytes[index + 6] == UInt8(ascii: "\\"),
                    bytes[index + 7] == UInt8(ascii: "u"),
                    case 0xDC00..<0xE000 = try codeUnit(at: index + 6)
                else { throw error(.loneSurrogate) }
                index += 12
            case 0xDC00..<0xE000:
                throw error(.loneSurrogate)
            default:
                index += 6
            }
        default:
            throw error(.invalidEscape)
        }
    }

    /// The UTF-16 code unit that the `\uXXXX` at `start` names.
    private func codeUnit(at start: Int) throws(JSONError) -> UInt16 {
        guard start + 5 < bytes.count else { throw error(.unexpectedEnd) }
        var unit: UInt16 = 0
        for offset in 2...5 {
            guard let digit = Hexadecimal.value(of: bytes[start + offset]) else { throw error(.invalidEscape) }
            unit = unit << 4 | UInt16(digit)
        }
        return unit
    }

    /// RFC 3629, section 4: the syntax of UTF-8 byte sequences, without overlong forms and surrogates.
    private mutating func multibyte(_ lead: UInt8) throws(JSONError) {
        let length: Int
        let second: ClosedRange<UInt8>
        switch lead {
        case 0xC2...0xDF: (length, second) = (2, 0x80...0xBF)
        case 0xE0: (length, second) = (3, 0xA0...0xBF)
        case 0xED: (length, second) = (3, 0x80...0x9F)
        case 0xE1...0xEC, 0xEE...0xEF: (length, second) = (3, 0x80...0xBF)
        case 0xF0: (length, second) = (4, 0x90...0xBF)
        case 0xF1...0xF3: (length, second) = (4, 0x80...0xBF)
        case 0xF4: (length, second) = (4, 0x80...0x8F)
        default: throw error(.invalidUTF8)
        }
        guard index + length <= bytes.count, second.contains(bytes[index + 1]) else { throw error(.invalidUTF8) }
        for offset in stride(from: 2, to: length, by: 1) where bytes[index + offset] & 0xC0 != 0x80 {
            throw error(.invalidUTF8)
        }
        index += length
    }
}
