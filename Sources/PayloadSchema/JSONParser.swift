/// JSON text to values, and the check alone. Neither recurses.
package enum JSONParser {
    /// Checks that `bytes` are one JSON text of depth 64 at most, building nothing.
    package static func validate(_ bytes: [UInt8]) throws(JSONError) {
        try withBuffer(bytes) { buffer throws(JSONError) in
            var tokens = JSONTokenizer(buffer)
            while try tokens.next() != nil {}
        }
    }

    package static func parse(_ bytes: [UInt8]) throws(JSONError) -> JSONValue {
        try withBuffer(bytes) { buffer throws(JSONError) in
            var tokens = JSONTokenizer(buffer)
            var builder = JSONBuilder()
            while let token = try tokens.next() { builder.add(token, of: buffer) }
            return builder.root
        }
    }

    package static func parse(_ text: String) throws(JSONError) -> JSONValue { try parse(Array(text.utf8)) }

    private static func withBuffer<T>(
        _ bytes: [UInt8], _ body: (UnsafeBufferPointer<UInt8>) throws(JSONError) -> T
    ) throws(JSONError) -> T {
        try bytes.withUnsafeBufferPointer { (buffer) throws(JSONError) -> T in try body(buffer) }
    }
}

/// Puts tokens that the tokenizer has already checked together to a value, on a stack of its own.
private struct JSONBuilder {
    private enum Container {
        case array([JSONValue])
        case object(JSONObject, key: String)
    }

    private(set) var root = JSONValue.null
    private var stack: [Container] = []

    mutating func add(_ token: JSONTokenizer.Token, of buffer: UnsafeBufferPointer<UInt8>) {
        switch token {
        case .beginObject: stack.append(.object(JSONObject(), key: ""))
        case .beginArray: stack.append(.array([]))
        case .endObject, .endArray:
            switch stack.popLast() {
            case .array(let elements)?: add(.array(elements))
            case .object(let object, _)?: add(.object(object))
            case nil: break
            }
        case .key(let range, let escaped):
            guard case .object(let object, _)? = stack.popLast() else { return }
            stack.append(.object(object, key: text(buffer, range, escaped)))
        case .string(let range, let escaped): add(.string(text(buffer, range, escaped)))
        case .number(let range): add(.number(JSONNumber(text: text(buffer, range, false))))
        case .bool(let value): add(.bool(value))
        case .null: add(.null)
        }
    }

    private mutating func add(_ value: JSONValue) {
        switch stack.popLast() {
        case nil:
            root = value
        case .array(var elements)?:
            elements.append(value)
            stack.append(.array(elements))
        case .object(var object, let key)?:
            object[key] = value
            stack.append(.object(object, key: key))
        }
    }

    private func text(_ buffer: UnsafeBufferPointer<UInt8>, _ range: Range<Int>, _ escaped: Bool) -> String {
        guard escaped else { return String(decoding: buffer[range], as: UTF8.self) }
        var units: [UInt16] = []
        var plain = range.lowerBound
        var index = range.lowerBound
        var result = ""
        func flushPlain(to end: Int) { result += String(decoding: buffer[plain..<end], as: UTF8.self) }
        func flushUnits() {
            result += String(decoding: units, as: UTF16.self)
            units.removeAll()
        }
        while index < range.upperBound {
            guard buffer[index] == UInt8(ascii: "\\") else {
                index += 1
                continue
            }
            flushPlain(to: index)
            let kind = buffer[index + 1]
            if kind == UInt8(ascii: "u") {
                let unit = (2...5).reduce(UInt16(0)) {
                    $0 << 4 | UInt16(Hexadecimal.value(of: buffer[index + $1]) ?? 0)
                }
                units.append(unit)
                index += 6
                // The first half of a pair waits for the second.
                if !(0xD800..<0xDC00).contains(unit) { flushUnits() }
            } else {
                result.unicodeScalars.append(Self.unescaped(kind))
                index += 2
            }
            plain = index
        }
        flushPlain(to: range.upperBound)
        return result
    }

    private static func unescaped(_ kind: UInt8) -> UnicodeScalar {
        switch kind {
        case UInt8(ascii: "b"): "\u{08}"
        case UInt8(ascii: "f"): "\u{0C}"
        case UInt8(ascii: "n"): "\n"
        case UInt8(ascii: "r"): "\r"
        case UInt8(ascii: "t"): "\t"
        default: UnicodeScalar(kind)
        }
    }
}
