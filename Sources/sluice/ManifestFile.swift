internal import Foundation
internal import FunctionManifest

/// A manifest on disk, with the `.env` beside it.
struct ManifestFile: Sendable {
    struct Unreadable: Error {
        var text: String
    }

    struct Loaded: Sendable {
        var result: ManifestResult
        /// As people read it; nil when there is nothing to say.
        var problemText: String?
    }

    let path: String

    private var folder: URL { URL(fileURLWithPath: path).deletingLastPathComponent() }

    func load() throws(Unreadable) -> Loaded {
        let bytes: [UInt8]
        do {
            bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
        } catch {
            let reason = FileManager.default.fileExists(atPath: path) ? "it cannot be read" : "there is no such file"
            throw Unreadable(
                text: "cannot load the manifest \(path): \(reason); name another with --manifest or SLUICE_MANIFEST")
        }
        let environment = Environment(dotEnv: dotEnv())
        let folder = folder
        let loader = ManifestLoader(
            sources: ReferenceSources(
                environment: { environment[$0] },
                file: { name in
                    let url = URL(fileURLWithPath: name, relativeTo: folder)
                    guard let data = try? Data(contentsOf: url) else {
                        return .failure(.init("it is not there or cannot be read"))
                    }
                    guard let text = String(data: data, encoding: .utf8) else {
                        return .failure(.init("it is no UTF-8"))
                    }
                    return .success(text)
                }))
        let result = loader.load(bytes)
        let source = SourceLines(bytes)
        let text = result.problems.map { $0.rendered(file: path, source: source) }.joined(separator: "\n")
        return Loaded(result: result, problemText: text.isEmpty ? nil : text)
    }

    func dotEnv() -> [String: String] {
        guard let data = try? Data(contentsOf: folder.appendingPathComponent(".env")) else { return [:] }
        return DotEnv.parse(String(decoding: data, as: UTF8.self))
    }
}

/// The process's environment, and behind it the values of `.env`.
struct Environment: Sendable {
    private let dotEnv: [String: String]

    init(dotEnv: [String: String]) {
        self.dotEnv = dotEnv
    }

    subscript(name: String) -> String? { ProcessInfo.processInfo.environment[name] ?? dotEnv[name] }
}

/// `.env`: `NAME=value` lines, `#` comments, an optional `export`, single or double quotes.
enum DotEnv {
    static func parse(_ text: String) -> [String: String] {
        var values: [String: String] = [:]
        for line in text.split(whereSeparator: \.isNewline) {
            var line = line.trimmingCharacters(in: .whitespaces)
            if line.hasPrefix("export ") { line = String(line.dropFirst(7)) }
            guard !line.hasPrefix("#"), let equals = line.firstIndex(of: "=") else { continue }
            let name = line[..<equals].trimmingCharacters(in: .whitespaces)
            let value = line[line.index(after: equals)...].trimmingCharacters(in: .whitespaces)
            values[name] = unquoted(value)
        }
        return values
    }

    private static func unquoted(_ value: String) -> String {
        if let quote = value.first, quote == "\"" || quote == "'", value.count >= 2,
            let end = value.dropFirst().firstIndex(of: quote)
        {
            let inner = String(value[value.index(after: value.startIndex)..<end])
            return quote == "\"" ? inner.replacingOccurrences(of: "\\n", with: "\n") : inner
        }
        guard let comment = value.range(of: " #") else { return value }
        return value[..<comment.lowerBound].trimmingCharacters(in: .whitespaces)
    }
}
