extension JSONValue {
    /// The value as JavaScript has it after `JSON.parse`: so written, it is what `JSON.stringify` makes of itself again.
    /// Numbers are doubles (ECMA-262, 6.1.6.1.20 Number::toString), names that are array indices come first
    /// (10.1.11 OrdinaryOwnPropertyKeys).
    ///
    /// The recursion is bounded: values come from the parser, at most 64 deep, or from our own code.
    package var asJavaScript: JSONValue {
        switch self {
        case .null, .bool, .string: return self
        case .number(let number): return number.asJavaScript
        case .array(let elements): return .array(elements.map(\.asJavaScript))
        case .object(let object):
            let indices = object.members.compactMap { member in Self.arrayIndex(member.name).map { ($0, member) } }
                .sorted { $0.0 < $1.0 }.map(\.1)
            let others = object.members.filter { Self.arrayIndex($0.name) == nil }
            var ordered = JSONObject()
            for member in indices + others { ordered[member.name] = member.value.asJavaScript }
            return .object(ordered)
        }
    }

    /// A canonical number from 0 to 2^32 - 2.
    private static func arrayIndex(_ name: String) -> UInt32? {
        guard let first = name.utf8.first, first != 0x30 || name.utf8.count == 1,
            name.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let number = UInt32(name), number < .max
        else { return nil }
        return number
    }
}

extension JSONNumber {
    /// Past the range of a double `JSON.stringify` says null.
    fileprivate var asJavaScript: JSONValue {
        guard double.isFinite else { return .null }
        return .number(JSONNumber(text: Self.javaScriptText(of: double)))
    }

    /// `value` must be finite.
    static func javaScriptText(of value: Double) -> String {
        // Also for -0.
        if value == 0 { return "0" }
        // Swift and JavaScript agree on the digits, the fewest that tell the number from its neighbours, and differ in
        // where they put the point.
        let parts = "\(abs(value))".split(separator: "e")
        let mantissa = parts[0].split(separator: ".", omittingEmptySubsequences: false)
        var digits = mantissa.joined()
        // The value is 0.digits times ten to this power.
        var power = mantissa[0].utf8.count + (parts.count > 1 ? Int(parts[1]) ?? 0 : 0)
        let zeros = digits.prefix { $0 == "0" }.count
        digits.removeFirst(zeros)
        power -= zeros
        while digits.last == "0" { digits.removeLast() }
        return (value < 0 ? "-" : "") + placed(digits, power)
    }

    private static func placed(_ digits: String, _ power: Int) -> String {
        let count = digits.utf8.count
        if count <= power, power <= 21 { return digits + String(repeating: "0", count: power - count) }
        if 0 < power, power <= 21 { return "\(digits.prefix(power)).\(digits.dropFirst(power))" }
        if -6 < power, power <= 0 { return "0." + String(repeating: "0", count: -power) + digits }
        let exponent = power - 1
        let tail = digits.dropFirst()
        return digits.prefix(1) + (tail.isEmpty ? "" : ".\(tail)") + "e\(exponent < 0 ? "-" : "+")\(abs(exponent))"
    }
}
