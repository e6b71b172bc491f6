/// What the references of a manifest stood for when it was loaded. Nothing that prints it shows a value.
package struct ReferenceValues: Sendable, CustomStringConvertible, CustomReflectable {
    private var environment: [String: String?] = [:]
    private var files: [String: Result<String, ReferenceSources.FileProblem>] = [:]

    package init() {}

    /// Reads a variable, once.
    mutating func environment(_ name: String, _ read: (String) -> String?) -> String? {
        if let known = environment[name] { return known }
        let value = read(name)
        environment.updateValue(value, forKey: name)
        return value
    }

    /// Reads a file, once.
    mutating func file(
        _ path: String, _ read: (String) -> Result<String, ReferenceSources.FileProblem>
    ) -> Result<String, ReferenceSources.FileProblem> {
        if let known = files[path] { return known }
        let value = read(path)
        files[path] = value
        return value
    }

    fileprivate func has(_ source: ReferenceSources.Source) -> Bool {
        switch source {
        case .environment(let name): environment.keys.contains(name)
        case .file(let path): files.keys.contains(path)
        }
    }

    package var description: String { "\(environment.count + files.count) references" }
    package var customMirror: Mirror { Mirror(self, children: []) }
}

extension ReferenceSources {
    /// For a manifest that came over the network: nothing is read for it, and a reference stands for what it stands for in
    /// the manifest in force. Whoever sends one could else read every file and variable of the server through it.
    package init(inForce values: ReferenceValues) {
        self.init(
            environment: { name in
                var values = values
                return values.environment(name) { _ in nil }
            },
            file: { path in
                var values = values
                return values.file(path) { _ in .failure(FileProblem("it is not read")) }
            })
        refusal = { source in
            values.has(source)
                ? nil : "the manifest in force does not refer to it, and this one came over the network"
        }
    }
}
