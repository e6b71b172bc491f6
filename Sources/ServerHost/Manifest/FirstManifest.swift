internal import FunctionManifest

/// The manifest that a server starts with: without one there is nothing to serve.
enum FirstManifest {
    /// - Parameter log: is told what is not wrong, but worth a look.
    static func load(_ file: ManifestFile, _ log: LogStream) throws(StartRefusal) -> Manifest {
        let loaded: ManifestFile.Loaded
        do throws(ManifestFile.Unreadable) {
            loaded = try file.load()
        } catch {
            let help =
                error.isMissing ? "; name another with --manifest or SLUICE_MANIFEST, or make one: sluice init" : ""
            throw StartRefusal(error.text + help, .configuration)
        }
        switch loaded.result {
        case .failure: throw StartRefusal((loaded.problemText ?? "") + "\n", .configuration)
        case .success(let manifest, _):
            loaded.problemText.map { log.write($0) }
            return manifest
        }
    }
}
