internal import FoundationEssentials
package import FunctionManifest
internal import Glibc
internal import JobModel
internal import OperationsAPI
private import Platform

/// A manifest on disk, with the `.env` beside it.
package struct ManifestFile: Sendable {
    package struct Unreadable: Error {
        package var text: String
        /// There is no manifest of this name: another was meant.
        package var isMissing = false
    }

    package struct Loaded: Sendable {
        package var result: ManifestResult
        /// As people read it; nil when there is nothing to say.
        package var problemText: String?
    }

    let path: String

    package init(path: String) {
        self.path = path
    }

    private var folder: URL { URL(fileURLWithPath: path).deletingLastPathComponent() }

    /// What came of a look at the file, or at bytes in its place.
    typealias Attempt = Result<(Manifest, warnings: [ManifestProblem]), ManifestFailure>

    func attempt(at now: Timestamp) -> Attempt {
        // A pipe in its place would be waited for without end.
        if let kind = Self.kind(of: path), kind != S_IFREG, kind != S_IFDIR {
            return .failure(
                ManifestFailure(
                    text: "cannot load the manifest \(path): it is not a regular file", problems: [], at: now))
        }
        return attempt(at: now) { () throws(Unreadable) in try load() }
    }

    /// Bytes that came over the network in its place. Nothing is read for them: their references stand for what they stand
    /// for in the manifest in force.
    func attempt(_ bytes: [UInt8], inForce: ReferenceValues, at now: Timestamp) -> Attempt {
        attempt(at: now) { () throws(Unreadable) in load(bytes, ReferenceSources(inForce: inForce)) }
    }

    private func attempt(at now: Timestamp, _ load: () throws(Unreadable) -> Loaded) -> Attempt {
        do {
            let loaded = try load()
            switch loaded.result {
            case .success(let manifest, let warnings): return .success((manifest, warnings))
            case .failure(let problems):
                return .failure(ManifestFailure(text: loaded.problemText ?? "", problems: problems, at: now))
            }
        } catch {
            return .failure(ManifestFailure(text: error.text, problems: [], at: now))
        }
    }

    /// Everything that it is made of: the file, the `.env` beside it, files that it refers to.
    func watched(_ manifest: Manifest) -> [String] {
        [path, folder.appendingPathComponent(".env").path]
            + manifest.referencedFiles.map { URL(fileURLWithPath: $0, relativeTo: folder).path }
    }

    package func load() throws(Unreadable) -> Loaded {
        let bytes: [UInt8]
        do {
            // One byte more than it may have tells that it is too large.
            bytes = try InputFile(path: path).read(upTo: Limits.manifestBytes + 1)
        } catch {
            let isThere = FileManager.default.fileExists(atPath: path)
            throw Unreadable(
                text: "cannot load the manifest \(path): \(isThere ? "it cannot be read" : "there is no such file")",
                isMissing: !isThere)
        }
        return load(bytes, try sources())
    }

    /// The environment, the `.env` and the files beside the manifest.
    private func sources() throws(Unreadable) -> ReferenceSources {
        let environment = Environment(dotEnv: try dotEnv())
        let folder = folder
        return ReferenceSources(
            environment: { environment[$0] },
            file: { name in
                let url = URL(fileURLWithPath: name, relativeTo: folder)
                guard let bytes = Self.bytes(of: url) else {
                    return .failure(
                        .init("it is not there, cannot be read, is not a regular file, or is larger than a manifest"))
                }
                guard let text = String(bytes: bytes, encoding: .utf8) else {
                    return .failure(.init("it is not UTF-8"))
                }
                return .success(text)
            })
    }

    private func load(_ bytes: [UInt8], _ sources: ReferenceSources) -> Loaded {
        let result = ManifestLoader(sources: sources).load(bytes)
        let source = SourceLines(bytes)
        let text = result.problems.map { $0.rendered(file: path, source: source) }.joined(separator: "\n")
        return Loaded(result: result, problemText: text.isEmpty ? nil : text)
    }

    /// nil for what is not a regular file (a pipe would be waited for without end) and for what is larger than a manifest may be.
    private static func bytes(of url: URL) -> [UInt8]? {
        guard kind(of: url.path) == S_IFREG,
            let bytes = try? InputFile(path: url.path).read(upTo: Limits.manifestBytes + 1)
        else { return nil }
        return bytes.count > Limits.manifestBytes ? nil : bytes
    }

    private static func kind(of path: String) -> mode_t? {
        var status = stat()
        return stat(path, &status) == 0 ? status.st_mode & S_IFMT : nil
    }

    /// None when there is none; a folder of that name is some other tool's.
    func dotEnv() throws(Unreadable) -> [String: String] {
        let url = folder.appendingPathComponent(".env")
        guard let kind = Self.kind(of: url.path), kind != S_IFDIR else { return [:] }
        guard let bytes = Self.bytes(of: url) else {
            throw Unreadable(
                text:
                    "cannot read \(url.relativePath) beside the manifest: it is not a regular file, not readable for this "
                    + "user, or larger than a manifest may be; mend or remove it")
        }
        return DotEnv.parse(String(decoding: bytes, as: UTF8.self))
    }
}
