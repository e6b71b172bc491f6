/// A JSON value. Numbers keep the text they were written with; objects keep their order.
package enum JSONValue: Equatable, Sendable {
    case null
    case bool(Bool)
    case number(JSONNumber)
    case string(String)
    case array([JSONValue])
    case object(JSONObject)

    /// Numbers are equal when they are written alike, strings when their bytes are (RFC 8259, section 8.3): where `1` is
    /// to be `1.0`, compare `canonicalBytes`.
    ///
    /// The recursion is bounded: values come from the parser, at most 64 deep, or from our own code.
    package static func == (left: JSONValue, right: JSONValue) -> Bool {
        switch (left, right) {
        case (.null, .null): true
        case (.bool(let left), .bool(let right)): left == right
        case (.number(let left), .number(let right)): left == right
        case (.string(let left), .string(let right)): left.hasSameBytes(as: right)
        case (.array(let left), .array(let right)): left == right
        case (.object(let left), .object(let right)): left == right
        case (.null, _), (.bool, _), (.number, _), (.string, _), (.array, _), (.object, _): false
        }
    }
}

/// A number as it was written, so that 1.0, 1e400 and 12345678901234567890 survive.
package struct JSONNumber: Equatable, Sendable {
    package let text: String

    /// `text` must be a JSON number (RFC 8259, section 6).
    init(text: String) {
        self.text = text
    }

    package init(_ value: Int64) {
        text = String(value)
    }

    /// nil for what JSON cannot say: infinities and NaN.
    package init?(_ value: Double) {
        guard value.isFinite else { return nil }
        if let integer = Int64(exactly: value) {
            text = String(integer)
        } else {
            text = "\(value)"
        }
    }

    /// The number when it is written as an integer that fits.
    package var integer: Int64? { Int64(text) }

    /// The nearest double; infinite past its range.
    package var double: Double { Double(text) ?? .nan }
}

/// The members of a JSON object in the order of their first appearance; of duplicate names the last value counts.
/// Names are the same when their bytes are (`MemberName`).
package struct JSONObject: Equatable, Sendable {
    package private(set) var members: [(name: String, value: JSONValue)] = []
    private var positions: [MemberName: Int] = [:]

    package init() {}

    package subscript(name: String) -> JSONValue? {
        get { positions[MemberName(name)].map { members[$0].value } }
        set {
            switch (positions[MemberName(name)], newValue) {
            case (let position?, let value?):
                members[position].value = value
            case (nil, let value?):
                positions[MemberName(name)] = members.count
                members.append((name, value))
            case (let position?, nil):
                members.remove(at: position)
                positions = Dictionary(uniqueKeysWithValues: members.enumerated().map { (MemberName($1.name), $0) })
            case (nil, nil):
                break
            }
        }
    }

    /// Order does not count (RFC 8259, section 4).
    package static func == (left: JSONObject, right: JSONObject) -> Bool {
        left.members.count == right.members.count && left.members.allSatisfy { right[$0.name] == $0.value }
    }
}

extension JSONValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral,
    ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral, ExpressibleByNilLiteral
{
    package init(stringLiteral value: String) { self = .string(value) }
    package init(integerLiteral value: Int64) { self = .number(JSONNumber(value)) }
    package init(booleanLiteral value: Bool) { self = .bool(value) }
    package init(nilLiteral: ()) { self = .null }
    package init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
    package init(dictionaryLiteral elements: (String, JSONValue)...) {
        var object = JSONObject()
        for (name, value) in elements { object[name] = value }
        self = .object(object)
    }
}

extension JSONValue {
    package static func integer(_ value: some BinaryInteger) -> JSONValue {
        .number(JSONNumber(Int64(clamping: value)))
    }

    /// A number with one digit behind the point, which is left out when it is 0.
    package static func decimal(tenths: Int64) -> JSONValue {
        let sign = tenths < 0 ? "-" : ""
        let (whole, rest) = (tenths.magnitude / 10, tenths.magnitude % 10)
        return .number(JSONNumber(text: rest == 0 ? "\(sign)\(whole)" : "\(sign)\(whole).\(rest)"))
    }

    package static func optional(_ text: String?) -> JSONValue { text.map { .string($0) } ?? .null }

    /// A member of an object; nil for anything else.
    package subscript(name: String) -> JSONValue? {
        guard case .object(let object) = self else { return nil }
        return object[name]
    }

    /// The value at a dotted path; a segment of digits is an index into an array.
    package func value(at path: [String]) -> JSONValue? {
        var current = self
        for segment in path {
            switch current {
            case .object(let object):
                guard let next = object[segment] else { return nil }
                current = next
            case .array(let elements):
                guard let index = Int(segment), elements.indices.contains(index) else { return nil }
                current = elements[index]
            case .null, .bool, .number, .string:
                return nil
            }
        }
        return current
    }

    package var string: String? {
        guard case .string(let text) = self else { return nil }
        return text
    }

    package var integer: Int64? {
        guard case .number(let number) = self else { return nil }
        return number.integer
    }

    package var bool: Bool? {
        guard case .bool(let value) = self else { return nil }
        return value
    }
}
