internal import JobModel

/// What `${…}` references in a manifest are read from; handed in, so that tests own it.
package struct ReferenceSources: Sendable {
    package var environment: @Sendable (String) -> String?
    /// The text of a file named relative to the manifest's folder, or an error text.
    package var file: @Sendable (String) -> Result<String, FileProblem>

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

/// Fills `${NAME}`, `${NAME:-default}` and `${file:PATH}` in scalar values; `$${` stands for `${`.
final class ReferenceResolver {
    private let sources: ReferenceSources
    /// What each reference was filled with, in order: part of the revision.
    private(set) var values: [String] = []
    /// Files that were referred to, to be watched.
    private(set) var files: [String] = []

    /// References that stand for nothing, since they were last taken: a `Bearer ` without a token is rarely meant.
    private var empty: [Problem] = []

    init(_ sources: ReferenceSources) {
        self.sources = sources
    }

    func takeEmpty() -> [Problem] {
        defer { empty = [] }
        return empty
    }

    struct Problem: Error {
        var message: String
        var help: String?
    }

    /// - Parameter isTemplate: the text will be read as a template: what a reference is filled with stands for itself there,
    ///   braces included.
    func resolve(_ text: String, isTemplate: Bool = false) throws(Problem) -> String {
        guard text.contains("${") else { return text }
        var result = ""
        var rest = Substring(text)
        while let start = rest.range(of: "${") {
            let before = rest[..<start.lowerBound]
            if before.last == "$" {
                result += before.dropLast()
                result += "${"
                rest = rest[start.upperBound...]
                continue
            }
            guard let end = rest[start.upperBound...].firstIndex(of: "}") else {
                throw Problem(message: "\"${\" is never closed", help: "write \"$${\" for a literal \"${\"")
            }
            result += before
            let value = try value(of: String(rest[start.upperBound..<end]))
            values.append(value)
            result += isTemplate ? value.replacing("{", with: "{{").replacing("}", with: "}}") : value
            rest = rest[rest.index(after: end)...]
        }
        return result + rest
    }

    private func value(of reference: String) throws(Problem) -> String {
        if reference.hasPrefix("file:") {
            let path = String(reference.dropFirst(5))
            files.append(path)
            switch sources.file(path) {
            case .success(let text):
                let value = SecretFile.value(of: Array(text.utf8)) ?? text
                if value.isEmpty {
                    empty.append(
                        Problem(message: "the file \"\(path)\" is empty", help: "write the value into it"))
                }
                return value
            case .failure(let problem):
                throw Problem(message: "cannot read the file \"\(path)\": \(problem.text)", help: nil)
            }
        }
        let name: String
        let fallback: String?
        if let range = reference.range(of: ":-") {
            name = String(reference[..<range.lowerBound])
            fallback = String(reference[range.upperBound...])
        } else {
            name = reference
            fallback = nil
        }
        let isName = name.unicodeScalars.enumerated().allSatisfy { index, scalar in
            switch scalar {
            case "A"..."Z", "a"..."z", "_": true
            case "0"..."9": index > 0
            default: false
            }
        }
        guard isName, !name.isEmpty else {
            throw Problem(
                message: "\"${\(reference)}\" is no reference",
                help: "write ${NAME}, ${NAME:-default} or ${file:PATH}; \"$${\" for a literal \"${\"")
        }
        if let value = sources.environment(name), !value.isEmpty || fallback == nil {
            if value.isEmpty {
                empty.append(
                    Problem(
                        message: "the environment variable \(name) is set and empty",
                        help: "give it a value, or write ${\(name):-} where nothing is meant"))
            }
            return value
        }
        guard let fallback else {
            throw Problem(
                message: "the environment variable \(name) is not set",
                help: "set it, put it into .env beside the manifest, or give a default: ${\(name):-…}")
        }
        return fallback
    }
}

extension Substring {
    /// The first place where `text` stands.
    fileprivate func range(of text: String) -> Range<Index>? {
        var start = startIndex
        while start < endIndex {
            if self[start...].hasPrefix(text) { return start..<index(start, offsetBy: text.count) }
            start = index(after: start)
        }
        return nil
    }
}

extension String {
    fileprivate func range(of text: String) -> Range<Index>? { Substring(self).range(of: text) }
}
