package import PayloadSchema

/// A dotted path into a job's payload, parameters or result: `payload.customer.id`. Names are the same when their bytes
/// are, as with the members that they lead to.
package struct ValuePath: Hashable, Sendable, CustomStringConvertible {
    package enum Root: String, CaseIterable, Sendable { case payload, parameters, result }

    package let root: Root
    package let path: [String]

    /// nil when the root is none of the three or a segment is empty.
    package init?(_ text: some StringProtocol) {
        // By scalars: a dot before a combining mark is another `Character`.
        let scalars = String(text).unicodeScalars
        let parts = scalars.split(separator: ".", omittingEmptySubsequences: false).map { String($0) }
        guard let first = parts.first, let root = Root(rawValue: first), parts.allSatisfy({ !$0.isEmpty }) else {
            return nil
        }
        self.root = root
        path = Array(parts.dropFirst())
    }

    package static func == (left: ValuePath, right: ValuePath) -> Bool {
        left.root == right.root && left.path.elementsEqual(right.path) { $0.hasSameBytes(as: $1) }
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(root)
        hasher.combine(path.count)
        for name in path { hasher.combine(MemberName(name)) }
    }

    package var description: String { ([root.rawValue] + path).joined(separator: ".") }
}

/// What a template's references are looked up in.
package struct TemplateValues: Sendable {
    package var payload: JSONValue
    package var parameters: JSONValue
    package var result: JSONValue

    package init(payload: JSONValue = .null, parameters: JSONValue = .null, result: JSONValue = .null) {
        self.payload = payload
        self.parameters = parameters
        self.result = result
    }

    package subscript(path: ValuePath) -> JSONValue? {
        switch path.root {
        case .payload: payload.value(at: path.path)
        case .parameters: parameters.value(at: path.path)
        case .result: result.value(at: path.path)
        }
    }
}

/// Text with `{payload.a.b}` references that are filled in per job; `{{` stands for a brace.
package struct Template: Equatable, Sendable {
    package enum Piece: Equatable, Sendable {
        case literal(String)
        case reference(ValuePath)
    }

    package enum Problem: Error, Equatable {
        case unclosed
        case unknownReference(String)
    }

    package let pieces: [Piece]

    /// Text without references, whatever braces are in it.
    package init(literal: String) { pieces = [.literal(literal)] }

    package init(_ text: String) throws(Problem) {
        var pieces: [Piece] = []
        var literal = ""
        // By scalars: a brace before a combining mark is another `Character`.
        var rest = text.unicodeScalars[...]
        while let scalar = rest.popFirst() {
            if scalar == "{", rest.first == "{" {
                rest.removeFirst()
                literal.unicodeScalars.append("{")
            } else if scalar == "}", rest.first == "}" {
                rest.removeFirst()
                literal.unicodeScalars.append("}")
            } else if scalar == "{" {
                guard let end = rest.firstIndex(of: "}") else { throw .unclosed }
                let reference = String(rest[..<end])
                guard let path = ValuePath(reference) else { throw .unknownReference(reference) }
                if !literal.isEmpty { pieces.append(.literal(literal)) }
                literal = ""
                pieces.append(.reference(path))
                rest = rest[rest.index(after: end)...]
            } else {
                literal.unicodeScalars.append(scalar)
            }
        }
        if !literal.isEmpty { pieces.append(.literal(literal)) }
        self.pieces = pieces
    }

    package func uses(_ root: ValuePath.Root) -> Bool {
        pieces.contains {
            guard case .reference(let path) = $0 else { return false }
            return path.root == root
        }
    }

    /// The first reference for which the values have no text, number or boolean.
    package func missing(in values: TemplateValues) -> ValuePath? {
        for case .reference(let path) in pieces where values[path]?.scalarText == nil { return path }
        return nil
    }

    /// The URL that this template makes of a job's values, or nil when a value is missing or no scalar, or would make a
    /// path segment "." or "..", which lead elsewhere (RFC 3986, section 5.2.4), percent-encoded or not.
    ///
    /// Values are percent-encoded (RFC 3986, section 2.1), except one that opens the template: that one may be a whole
    /// URL and stands as it is.
    package func url(_ values: TemplateValues) -> String? {
        var url = ""
        /// The latest path segment, while it is all dots; nil when a value can no longer make it lead elsewhere.
        var segment: (dots: Int, hasValue: Bool)?
        func isDotted() -> Bool { segment.map { $0.hasValue && (1...2).contains($0.dots) } ?? false }
        for (index, piece) in pieces.enumerated() {
            switch piece {
            case .literal(let text):
                url += text
                for byte in text.utf8 {
                    switch byte {
                    case UInt8(ascii: "/"), UInt8(ascii: "?"), UInt8(ascii: "#"):
                        if isDotted() { return nil }
                        segment = byte == UInt8(ascii: "/") && !url.utf8.contains(UInt8(ascii: "?")) ? (0, false) : nil
                    case UInt8(ascii: "."): segment?.dots += 1
                    default: segment = nil
                    }
                }
            case .reference(let path):
                guard let text = values[path]?.scalarText else { return nil }
                url += index == 0 ? text : Self.percentEncoded(text)
                segment?.hasValue = true
                segment?.dots += text.utf8.count
                if index == 0 || !text.utf8.allSatisfy({ $0 == UInt8(ascii: ".") }) { segment = nil }
            }
        }
        return isDotted() ? nil : url
    }

    /// The text that this template makes of a job's values, as they are; nil when one is missing or no scalar.
    package func text(_ values: TemplateValues) -> String? {
        var text = ""
        for piece in pieces {
            switch piece {
            case .literal(let literal): text += literal
            case .reference(let path):
                guard let value = values[path]?.scalarText else { return nil }
                text += value
            }
        }
        return text
    }

    /// Whether it leads elsewhere as a path segment (RFC 3986, section 5.2.4).
    package static func isDotSegment(_ text: String) -> Bool { text == "." || text == ".." }

    /// Everything but unreserved characters as `%XX`.
    package static func percentEncoded(_ text: String) -> String {
        var encoded = ""
        for byte in text.utf8 {
            let scalar = UnicodeScalar(byte)
            switch scalar {
            case "A"..."Z", "a"..."z", "0"..."9", "-", ".", "_", "~":
                encoded.unicodeScalars.append(scalar)
            default:
                encoded += "%" + Hexadecimal.text(CollectionOfOne(byte), .upper)
            }
        }
        return encoded
    }
}

extension JSONValue {
    /// A string as it is, a number or boolean as JSON writes it; nil for null, arrays and objects.
    package var scalarText: String? {
        switch self {
        case .string(let text): text
        case .number(let number): number.text
        case .bool(let value): value ? "true" : "false"
        case .null, .array, .object: nil
        }
    }
}
