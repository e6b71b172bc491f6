/// What `${…}` references in a manifest are read from; handed in, so that tests own it.
package struct ReferenceSources: Sendable {
    package var environment: @Sendable (String) -> String?
    /// The text of a file named relative to the manifest's folder, or an error text.
    package var file: @Sendable (String) -> Result<String, FileProblem>

    /// Why a reference is not even looked at; nil where it is.
    var refusal: @Sendable (Source) -> String? = { _ in nil }

    /// Where one reference is read.
    enum Source: Hashable, Sendable {
        case environment(String)
        case file(String)
    }

    package struct FileProblem: Error, Sendable {
        package var text: String
        package init(_ text: String) { self.text = text }
    }

    package init(
        environment: @escaping @Sendable (String) -> String?,
        file: @escaping @Sendable (String) -> Result<String, FileProblem>
    ) {
        self.environment = environment
        self.file = file
    }
}
