/// YAML as the manifest uses it: scalars are text until a key's type asks.
struct YAMLNode: Sendable {
    enum Content: Sendable {
        /// `plain` is false for quoted and block scalars, which are always strings.
        case scalar(String, plain: Bool)
        case sequence([YAMLNode])
        case mapping([YAMLEntry])
    }

    var content: Content
    var span: Span

    /// `key:` with nothing behind it.
    var isEmpty: Bool {
        guard case .scalar(let text, plain: true) = content else { return false }
        return text.isEmpty || text == "~" || text == "null"
    }

    /// For error texts.
    var kind: String {
        switch content {
        case .scalar: isEmpty ? "nothing" : "a value"
        case .sequence: "a list"
        case .mapping: "a mapping"
        }
    }
}

struct YAMLEntry: Sendable {
    var key: String
    var keySpan: Span
    var value: YAMLNode
}
