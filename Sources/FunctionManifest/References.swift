internal import JobModel

/// Fills `${NAME}`, `${NAME:-default}` and `${file:PATH}` in scalar values; `$${` stands for `${`.
final class ReferenceResolver {
    private let sources: ReferenceSources
    /// What each reference was filled with, in order: part of the revision.
    private(set) var values: [String] = []
    /// Files that were referred to, to be watched.
    private(set) var files: [String] = []
    /// How each value is written that has a reference in it, by its path.
    private(set) var written: [String: String] = [:]
    /// What was read.
    private(set) var used = ReferenceValues()

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

    /// - Parameters:
    ///   - path: the key's.
    ///   - isTemplate: the text will be read as a template: what a reference is filled with stands for itself there, braces
    ///     included.
    func resolve(_ text: String, at path: String, isTemplate: Bool = false) throws(Problem) -> String {
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
            written[path] = text
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
            try checkAllowed(.file(path), reference)
            files.append(path)
            switch used.file(path, sources.file) {
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
                message: "\"${\(reference)}\" is not a reference",
                help: "write ${NAME}, ${NAME:-default} or ${file:PATH}; \"$${\" for a literal \"${\"")
        }
        try checkAllowed(.environment(name), reference)
        if let value = used.environment(name, sources.environment), !value.isEmpty || fallback == nil {
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

    private func checkAllowed(_ source: ReferenceSources.Source, _ reference: String) throws(Problem) {
        guard let reason = sources.refusal(source) else { return }
        throw Problem(
            message: "${\(reference)} is not read: \(reason)",
            help: "change the manifest on the server's disk, or use a reference that the one in force has")
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
