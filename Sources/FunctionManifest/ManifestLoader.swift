private import Hashing
private import JobModel
private import PayloadSchema

/// Text to `Manifest`, or all problems at once.
package struct ManifestLoader: Sendable {
    private let sources: ReferenceSources

    package init(sources: ReferenceSources) {
        self.sources = sources
    }

    package func load(_ bytes: [UInt8]) -> ManifestResult {
        let problems = ProblemList()
        guard bytes.count <= Limits.manifestBytes else {
            problems.add(
                "the file is too large", at: Span(line: 1, column: 1, length: 1),
                help: "a manifest has at most 1 MiB")
            return .failure(problems.problems)
        }
        let references = ReferenceResolver(sources)
        let context = ReadingContext(problems: problems, references: references)
        guard let root = YAMLReader.read(bytes, problems: problems) else { return .failure(problems.sorted) }
        guard case .mapping(let entries) = root.content else {
            problems.add(
                "a manifest is a mapping, found \(root.kind)", at: root.span,
                help: "a manifest starts with \"version: 1\" and \"functions:\"")
            return .failure(problems.sorted)
        }
        var block = ManifestBlock(path: "", entries: entries, span: root.span, context: context)
        var manifest = Self.read(&block)
        if problems.hasErrors { return .failure(problems.sorted) }
        manifest.revision = Self.revision(of: bytes, references: references.values)
        manifest.referencedFiles = references.files
        manifest.references = references.used
        manifest.written = WrittenValues(of: root, references: references.written)
        return .success(manifest, warnings: problems.sorted)
    }

    private static func read(_ block: inout ManifestBlock) -> Manifest {
        if let version = block.require("version", help: "add \"version: 1\" as the first line"),
            let number = version.integer(0...Int.max), number != 1
        {
            version.report("version \(version.shown("\(number)")) is unknown", help: "this Sluice reads version 1")
        }
        var manifest = Manifest(revision: "")
        if let server = block.take("server") { manifest.server = ServerReader.read(server) }
        if let accounts = block.take("accounts") { manifest.accounts = AccountsReader.read(accounts) }
        if let anonymous = block.take("anonymous") { manifest.anonymous = AnonymousReader.read(anonymous) }
        if let webhooks = block.take("webhooks") { manifest.webhooks = WebhookReader.settings(webhooks) }
        if let egress = block.take("egress") { manifest.egress = WebhookReader.egress(egress) }
        let defaults = block.take("defaults").map(DefaultsReader.read) ?? FunctionDefaults()
        if let functions = block.require("functions", help: "declare at least one function below \"functions:\"") {
            manifest.functions = FunctionReader.readAll(functions, defaults: defaults)
        }
        LaterBlocks.check(&block, defaults: defaults)
        block.finish()
        return manifest
    }

    /// Every part with its length before it, so that no two lists of parts read the same.
    private static func revision(of bytes: [UInt8], references: [String]) -> String {
        let hash = SHA256.hash { hash in
            hash.update(bytes)
            for value in references { hash.update("\n\(value.utf8.count):\(value)") }
        }
        return Hexadecimal.text(hash.bytes.prefix(6))
    }
}
