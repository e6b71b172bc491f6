internal import JobModel
internal import PayloadSchema

/// A value of the manifest with its path, read as the type that its key has. A reader returns nil after it has
/// reported why.
struct ManifestValue {
    let path: String
    let node: YAMLNode
    let context: ReadingContext

    func report(_ message: String, help: String? = nil) {
        context.problems.add("\(path): \(message)", at: node.span, help: help)
    }

    /// Whether a reference was filled in. Then neither the value nor anything that follows from it may be told.
    private var isReferred: Bool { context.references.written[path] != nil }

    /// What may be said of the value, or of a piece of it: what is written, where a reference stands in it.
    func shown(_ value: String) -> String { context.shown(value, of: path) }

    /// The scalar's text with its references filled in.
    private func scalar(_ expected: String, isTemplate: Bool = false) -> (text: String, plain: Bool)? {
        guard case .scalar(let text, let plain) = node.content, !node.isEmpty else {
            report("expected \(expected), found \(node.kind)")
            return nil
        }
        do {
            let resolved = try context.references.resolve(text, at: path, isTemplate: isTemplate)
            for empty in context.references.takeEmpty() {
                context.problems.add(
                    "\(path): \(empty.message)", at: node.span, help: empty.help, severity: .warning)
            }
            return (resolved, plain)
        } catch {
            report(error.message, help: error.help)
            return nil
        }
    }

    func string() -> String? { scalar("text")?.text }

    func nonEmptyString() -> String? {
        guard let text = string() else { return nil }
        guard !text.isEmpty else {
            report("must not be empty")
            return nil
        }
        return text
    }

    /// What signs webhooks. It should not stand in the file: literally written, it is taken and warned of.
    func signingSecret() -> Secret? {
        guard let secret = nonEmptyString().map({ Secret($0) }) else { return nil }
        if secret.isMarked, secret.markedKey == nil {
            context.problems.add(
                "\(path): what stands behind whsec_ is not Base64, so libraries of Standard Webhooks cannot verify with it",
                at: node.span, help: "make one with: echo \"whsec_$(openssl rand -base64 32)\"", severity: .warning,
                isSecret: true)
        }
        warnIfLiteral()
        return secret
    }

    func warnIfLiteral() {
        guard case .scalar(let written, _) = node.content, !written.contains("${") else { return }
        context.problems.add(
            "\(path): a secret stands in the file", at: node.span,
            help: "write \"${NAME}\", and set NAME in the environment or in .env beside the manifest",
            severity: .warning, isSecret: true)
    }

    func bool() -> Bool? {
        guard let (text, plain) = scalar("true or false") else { return nil }
        switch text {
        case "true" where plain: return true
        case "false" where plain: return false
        default:
            let yes = ["yes", "on", "y"].contains(text.asciiLowercased)
            let no = ["no", "off", "n"].contains(text.asciiLowercased)
            report(
                "expected true or false, found \"\(shown(text))\"",
                help: isReferred ? nil : yes ? "write true" : no ? "write false" : nil)
            return nil
        }
    }

    func integer(_ range: ClosedRange<Int>) -> Int? {
        guard let (text, plain) = scalar("a whole number") else { return nil }
        guard plain, let value = Int(text), text.first != "+" else {
            let help: String? =
                if isReferred {
                    plain ? nil : "write the reference without quotes: its value would be text"
                } else {
                    Int(text) == nil ? nil : plain ? "remove the \"+\"" : "remove the quotes"
                }
            report("expected a whole number, found \"\(shown(text))\"", help: help)
            return nil
        }
        guard range.contains(value) else {
            report("\(shown(text)) is out of range", help: "from \(range.lowerBound) to \(range.upperBound)")
            return nil
        }
        return value
    }

    func number(_ range: ClosedRange<Double>) -> Double? {
        guard let (text, plain) = scalar("a number") else { return nil }
        guard plain, let value = Double(text), value.isFinite, !text.asciiLowercased.contains("x") else {
            report("expected a number, found \"\(shown(text))\"")
            return nil
        }
        guard range.contains(value) else {
            report("\(shown(text)) is out of range", help: "from \(range.lowerBound) to \(range.upperBound)")
            return nil
        }
        return value
    }

    func duration(_ range: ClosedRange<Duration>) -> Duration? {
        guard let (text, _) = scalar("a duration") else { return nil }
        guard let value = Duration(written: text) else {
            if Double(text) != nil {
                report("a duration needs a unit", help: "write \(shown(text))s for seconds; units: ms, s, m, h, d")
            } else {
                report("\"\(shown(text))\" is not a duration", help: "write 250ms, 30s, 5m, 2h or 7d")
            }
            return nil
        }
        guard range.contains(value) else {
            report(
                "\(shown(text)) is out of range",
                help: "from \(range.lowerBound.written) to \(range.upperBound.written)")
            return nil
        }
        return value
    }

    func size(_ range: ClosedRange<Int>) -> Int? {
        guard let (text, _) = scalar("a size") else { return nil }
        guard let value = ScalarText.size(text) else {
            if Double(text) != nil {
                report("a size needs a unit", help: "write \(shown(text))B for bytes; units: B, KiB, MiB, GiB")
            } else {
                report("\"\(shown(text))\" is not a size", help: "write 64KiB or 1MiB")
            }
            return nil
        }
        guard range.contains(value) else {
            report("\(shown(text)) is out of range", help: "from \(range.lowerBound) to \(range.upperBound) bytes")
            return nil
        }
        return value
    }

    func choice(_ choices: [String]) -> String? {
        guard let text = string() else { return nil }
        guard choices.contains(where: { $0.hasSameBytes(as: text) }) else {
            report(
                "unknown value \"\(shown(text))\"",
                help: isReferred ? Suggestion.all(choices) : Suggestion.help(for: text, among: choices))
            return nil
        }
        return text
    }

    func choice<Choice: RawRepresentable & CaseIterable>(_ type: Choice.Type) -> Choice?
    where Choice.RawValue == String {
        choice(type.allCases.map(\.rawValue)).flatMap(Choice.init(rawValue:))
    }

    func template() -> Template? {
        guard let text = scalar("text", isTemplate: true)?.text else { return nil }
        guard !text.isEmpty else {
            report("must not be empty")
            return nil
        }
        do {
            return try Template(text)
        } catch {
            switch error {
            case .unclosed:
                report("\"{\" is never closed", help: "write \"{{\" for a literal \"{\"")
            case .unknownReference(let name):
                report(
                    "\(isReferred ? "what stands in its braces" : "\"{\(name)}\"") is not a reference",
                    help: "{payload.…}, {parameters.…} or {result.…}; \"{{\" for a literal \"{\"")
            }
            return nil
        }
    }

    func list() -> [ManifestValue]? {
        guard case .sequence(let nodes) = node.content else {
            report("expected a list, found \(node.kind)", help: "write [a, b] or one \"- \" line each")
            return nil
        }
        return nodes.enumerated().map {
            ManifestValue(path: "\(path)[\($0.offset)]", node: $0.element, context: context)
        }
    }

    /// One value or a list of values.
    func oneOrMore() -> [ManifestValue] {
        if case .sequence = node.content { return list() ?? [] }
        return [self]
    }

    func block(help: String = "write \"key: value\" lines below it") -> ManifestBlock? {
        guard case .mapping(let entries) = node.content else {
            report("expected a mapping, found \(node.kind)", help: help)
            return nil
        }
        return ManifestBlock(path: path, entries: entries, span: node.span, context: context)
    }

    /// A mapping of free names to text: headers, environment.
    ///
    /// - Parameter asTemplates: the texts will be read as templates.
    func strings(asTemplates: Bool = false) -> [(name: ManifestValue, value: ManifestValue, text: String)]? {
        guard let block = block() else { return nil }
        return block.entries.compactMap { entry in
            let name = ManifestValue(
                path: "\(path).\(entry.key)",
                node: YAMLNode(content: .scalar(entry.key, plain: false), span: entry.keySpan), context: context)
            let value = ManifestValue(path: "\(path).\(entry.key)", node: entry.value, context: context)
            return value.scalar("text", isTemplate: asTemplates).map { (name, value, $0.text) }
        }
    }
}

/// What reading needs everywhere.
struct ReadingContext {
    let problems: ProblemList
    let references: ReferenceResolver

    /// What may be said of the value at a path: what is written, where a reference was filled in.
    func shown(_ value: String, of path: String) -> String { references.written[path] ?? value }
}

/// A mapping whose keys are taken one by one; what nobody asked for is unknown. Keys are the same when their bytes are.
struct ManifestBlock {
    let path: String
    let entries: [YAMLEntry]
    let span: Span
    let context: ReadingContext
    private var known: [String] = []

    init(path: String, entries: [YAMLEntry], span: Span, context: ReadingContext) {
        self.path = path
        self.entries = entries
        self.span = span
        self.context = context
        var seen: [MemberName: Int] = [:]
        for entry in entries {
            let name = MemberName(entry.key)
            if let line = seen[name] {
                context.problems.add(
                    "\(Self.join(path, entry.key)): the key is given twice", at: entry.keySpan,
                    help: "first on line \(line)")
            }
            seen[name] = entry.keySpan.line
        }
    }

    static func join(_ path: String, _ key: String) -> String { path.isEmpty ? key : "\(path).\(key)" }

    mutating func take(_ key: String) -> ManifestValue? {
        known.append(key)
        return entries.first { $0.key.hasSameBytes(as: key) }.map {
            ManifestValue(path: Self.join(path, key), node: $0.value, context: context)
        }
    }

    mutating func require(_ key: String, help: String) -> ManifestValue? {
        if let value = take(key) { return value }
        context.problems.add("\(Self.join(path, key)): the key is missing", at: span, help: help)
        return nil
    }

    func has(_ key: String) -> Bool { entries.contains { $0.key.hasSameBytes(as: key) } }

    /// Reports every key that was not taken.
    func finish() {
        for entry in entries where !known.contains(where: { $0.hasSameBytes(as: entry.key) }) {
            context.problems.add(
                "\(Self.join(path, entry.key)): unknown key", at: entry.keySpan,
                help: Suggestion.help(for: entry.key, among: known))
        }
    }
}
