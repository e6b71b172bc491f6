internal import JobModel
internal import PayloadSchema

/// How the values of a manifest are written that have references in them, by path: what may be shown instead of what they
/// stand for. A list or a mapping with such a value in it is there too, in flow style.
struct WrittenValues: Sendable {
    private static let shownBytes = 200

    private var scalars: [String: String] = [:]
    private var texts: [String: String] = [:]

    init() {}

    /// - Parameter references: the scalars that have references in them, by path.
    init(of root: YAMLNode, references: [String: String]) {
        guard !references.isEmpty else { return }
        scalars = references
        _ = add(root, at: "")
        // Nobody asks for these, and they are the whole file.
        for path in ["", "functions"] { texts[path] = nil }
        inherit(root)
    }

    /// nil where no reference is.
    subscript(path: String) -> String? { texts[path]?.limited(toBytes: Self.shownBytes) }

    /// The value at a path below `owner`, or the scalar that stands for the whole block that it is in.
    func text(of path: String, below owner: String) -> String? {
        if let text = self["\(owner).\(path)"] { return text }
        var above = path[...]
        while let dot = above.lastIndex(of: ".") {
            above = above[..<dot]
            if let text = scalars["\(owner).\(above)"] { return text.limited(toBytes: Self.shownBytes) }
        }
        return nil
    }

    /// - Returns: the node as text, and whether a reference is in it.
    private mutating func add(_ node: YAMLNode, at path: String) -> (text: String, isReferred: Bool) {
        var result: (text: String, isReferred: Bool)
        switch node.content {
        case .scalar(let text, _): result = (text, scalars[path] != nil)
        case .sequence(let nodes):
            let parts = nodes.enumerated().map { add($0.element, at: "\(path)[\($0.offset)]") }
            let text = parts.map(\.text).joined(separator: ", ")
            result = (parts.count == 1 ? text : "[\(text)]", parts.contains { $0.isReferred })
        case .mapping(let entries):
            let parts = entries.map { ($0.key, add($0.value, at: ManifestBlock.join(path, $0.key))) }
            let text = parts.map { "\($0): \($1.text)" }.joined(separator: ", ")
            result = ("{\(text)}", parts.contains { $0.1.isReferred })
        }
        if result.isReferred { texts[path] = result.text }
        return result
    }

    /// What a function does not say itself it has of `defaults`.
    private mutating func inherit(_ root: YAMLNode) {
        guard let functions = root["functions"]?.entries, let defaults = root["defaults"] else { return }
        var shared = ["timeout", "maxWait", "maxQueued"]
        for block in ["retry", "retention"] { shared += (defaults[block]?.entries ?? []).map { "\(block).\($0.key)" } }
        shared = shared.filter { texts["defaults.\($0)"] != nil }
        for function in functions {
            for path in shared where function.value.node(at: path) == nil {
                texts["functions.\(function.key).\(path)"] = texts["defaults.\(path)"]
            }
        }
    }
}

extension YAMLNode {
    fileprivate var entries: [YAMLEntry] {
        guard case .mapping(let entries) = content else { return [] }
        return entries
    }

    fileprivate subscript(key: String) -> YAMLNode? { entries.first { $0.key.hasSameBytes(as: key) }?.value }

    /// - Parameter path: one or two keys.
    fileprivate func node(at path: String) -> YAMLNode? {
        path.split(separator: ".").reduce(self) { node, key in node?[String(key)] }
    }
}
