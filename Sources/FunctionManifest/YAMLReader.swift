private import CLibYAML
internal import JobModel

/// Builds nodes from libyaml's parser events and refuses what a manifest must not hold, as it appears: aliases,
/// custom tags, duplicate keys, several documents, nesting over 64.
struct YAMLReader {
    /// A list or a mapping that is open. A struct, so that what comes into it is appended in place.
    private struct Frame {
        var isMapping: Bool
        var span: Span
        var nodes: [YAMLNode] = []
        var entries: [YAMLEntry] = []
        /// The key that waits for its value.
        var key: (String, Span)?

        var node: YAMLNode { YAMLNode(content: isMapping ? .mapping(entries) : .sequence(nodes), span: span) }
    }

    private let problems: ProblemList
    private var stack: [Frame] = []
    private var root: YAMLNode?
    private var documents = 0

    private init(problems: ProblemList) {
        self.problems = problems
    }

    /// nil when the text is not YAML at all or refused; the reason is in `problems`.
    static func read(_ bytes: [UInt8], problems: ProblemList) -> YAMLNode? {
        var reader = YAMLReader(problems: problems)
        var parser = yaml_parser_t()
        guard yaml_parser_initialize(&parser) == 1 else {
            problems.add("not enough memory to read the file", at: Span(line: 1, column: 1, length: 1))
            return nil
        }
        defer { yaml_parser_delete(&parser) }
        return bytes.withUnsafeBufferPointer { buffer in
            yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING)
            // A UTF-8 byte-order mark is skipped; libyaml does so only when it detects the encoding itself.
            let mark = buffer.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
            yaml_parser_set_input_string(&parser, buffer.baseAddress.map { $0 + mark }, buffer.count - mark)
            return reader.run(&parser, bytes)
        }
    }

    private mutating func run(_ parser: inout yaml_parser_t, _ bytes: [UInt8]) -> YAMLNode? {
        while true {
            var event = yaml_event_t()
            guard yaml_parser_parse(&parser, &event) == 1 else {
                reportSyntax(parser, bytes)
                return nil
            }
            defer { yaml_event_delete(&event) }
            if event.type == YAML_STREAM_END_EVENT { break }
            guard handle(event) else { return nil }
        }
        if root == nil, documents == 0 {
            problems.add(
                "the file is empty", at: Span(line: 1, column: 1, length: 1),
                help: "a manifest starts with \"version: 1\" and \"functions:\"")
        }
        return root
    }

    /// False when reading must stop.
    private mutating func handle(_ event: yaml_event_t) -> Bool {
        let span = Self.span(event)
        switch event.type {
        case YAML_DOCUMENT_START_EVENT:
            documents += 1
            if documents > 1 {
                problems.add(
                    "a second document starts here", at: span, help: "a manifest is one document; remove the \"---\"")
                return false
            }
        case YAML_ALIAS_EVENT:
            problems.add(
                "aliases are not supported", at: span, help: "write the value out, or put it under \"defaults\"")
            return false
        case YAML_SCALAR_EVENT:
            let scalar = event.data.scalar
            guard accept(anchor: scalar.anchor, tag: scalar.tag, at: span) else { return false }
            let text = String(
                decoding: UnsafeBufferPointer(start: scalar.value, count: scalar.length), as: UTF8.self)
            let plain = scalar.style == YAML_PLAIN_SCALAR_STYLE
            return add(YAMLNode(content: .scalar(text, plain: plain), span: span))
        case YAML_SEQUENCE_START_EVENT:
            let start = event.data.sequence_start
            guard accept(anchor: start.anchor, tag: start.tag, at: span) else { return false }
            return push(Frame(isMapping: false, span: span))
        case YAML_MAPPING_START_EVENT:
            let start = event.data.mapping_start
            guard accept(anchor: start.anchor, tag: start.tag, at: span) else { return false }
            return push(Frame(isMapping: true, span: span))
        case YAML_SEQUENCE_END_EVENT, YAML_MAPPING_END_EVENT:
            return stack.popLast().map { add($0.node) } ?? false
        default:
            break
        }
        return true
    }

    private func accept(
        anchor: UnsafeMutablePointer<UInt8>?, tag: UnsafeMutablePointer<UInt8>?, at span: Span
    ) -> Bool {
        if anchor != nil {
            problems.add("anchors are not supported", at: span, help: "write the value out where it is used")
            return false
        }
        if tag != nil {
            problems.add("tags (\"!…\") are not supported", at: span, help: "quote the value if it starts with \"!\"")
            return false
        }
        return true
    }

    private mutating func push(_ frame: Frame) -> Bool {
        if stack.count >= Limits.manifestDepth {
            problems.add("nested deeper than \(Limits.manifestDepth)", at: frame.span)
            return false
        }
        stack.append(frame)
        return true
    }

    private mutating func add(_ node: YAMLNode) -> Bool {
        guard !stack.isEmpty else {
            root = node
            return true
        }
        let top = stack.count - 1
        if !stack[top].isMapping {
            stack[top].nodes.append(node)
        } else if let (name, keySpan) = stack[top].key {
            stack[top].entries.append(YAMLEntry(key: name, keySpan: keySpan, value: node))
            stack[top].key = nil
        } else if case .scalar(let name, _) = node.content {
            stack[top].key = (name, node.span)
        } else {
            problems.add("a key must be plain text, not \(node.kind)", at: node.span)
            return false
        }
        return true
    }

    private static func place(of offset: Int, in bytes: [UInt8]) -> (line: Int, column: Int) {
        let before = bytes.prefix(offset)
        let lines = before.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        let column = String(decoding: lines.last ?? [], as: UTF8.self).unicodeScalars.count
        return (max(1, lines.count), column + 1)
    }

    private static func span(_ event: yaml_event_t) -> Span {
        let start = event.start_mark
        let end = event.end_mark
        let length = start.line == end.line && end.column > start.column ? end.column - start.column : 1
        return Span(line: Int(start.line) + 1, column: Int(start.column) + 1, length: Int(length))
    }

    private func reportSyntax(_ parser: yaml_parser_t, _ bytes: [UInt8]) {
        func text(_ pointer: UnsafePointer<CChar>?) -> String? { pointer.map { String(cString: $0) } }
        let problem = text(parser.problem) ?? "not YAML"
        let context = text(parser.context).map { " \($0)" } ?? ""
        let mark = parser.problem_mark
        let isReader = parser.error == YAML_READER_ERROR
        // The reader stands a buffer ahead of its mark: it tells the byte.
        let (line, column) =
            isReader
            ? Self.place(of: parser.problem_offset, in: bytes) : (Int(mark.line) + 1, Int(mark.column) + 1)
        let opened = Int(parser.context_mark.line) + 1
        let help: String? =
            if problem.contains("cannot start any token") || problem.contains("tab character") {
                "indent with spaces, not tabs; quote values that start with @ or `"
            } else if problem.contains("mapping values are not allowed") {
                "a value that contains \": \" needs quotes; or the line is indented too deep"
            } else if problem.contains("did not find expected key") {
                "the keys of one mapping begin in the same column"
            } else if parser.context != nil, !isReader, opened < line {
                "what is not closed was opened on line \(opened)"
            } else if isReader {
                "save the file as UTF-8 without control characters"
            } else {
                nil
            }
        problems.add("not YAML: \(problem)\(context)", at: Span(line: line, column: column, length: 1), help: help)
    }
}
