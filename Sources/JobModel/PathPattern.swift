/// A path below the base path: literal segments and `{parameters}`.
package struct PathPattern: Hashable, Sendable, CustomStringConvertible {
    package enum Segment: Hashable, Sendable {
        case literal(String)
        case parameter(String)
    }

    package enum Problem: Error, Equatable {
        case empty
        case emptySegment
        case badCharacter(Character)
        case badParameter(String)
        case repeatedParameter(String)
        case dots
    }

    package let segments: [Segment]

    /// Literals are unreserved characters (RFC 3986, section 2.3), so that they need no escaping; a parameter fills a
    /// whole segment.
    package init(_ text: String) throws(Problem) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard !text.isEmpty else { throw .empty }
        var segments: [Segment] = []
        var names: Set<String> = []
        for part in parts {
            if part.isEmpty { throw .emptySegment }
            if part == "." || part == ".." { throw .dots }
            if part.first == "{", part.last == "}" {
                let name = String(part.dropFirst().dropLast())
                guard !name.isEmpty, name.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_") })
                else { throw .badParameter(name) }
                guard names.insert(name).inserted else { throw .repeatedParameter(name) }
                segments.append(.parameter(name))
            } else {
                let allowed: (Character) -> Bool = { $0.isASCII && ($0.isLetter || $0.isNumber || "-._~".contains($0)) }
                if let bad = part.first(where: { !allowed($0) }) { throw .badCharacter(bad) }
                segments.append(.literal(String(part)))
            }
        }
        self.segments = segments
    }

    package init(literals: [String]) { segments = literals.map { .literal($0) } }

    private init(segments: [Segment]) { self.segments = segments }

    package func appending(_ more: [Segment]) -> PathPattern { PathPattern(segments: segments + more) }

    /// Two patterns clash when they match the same paths. Otherwise the one with the earlier literal wins.
    package func clashes(with other: PathPattern) -> Bool { shape == other.shape }

    /// Equal for patterns that clash, so that one that clashes can be looked up.
    package struct Shape: Hashable, Sendable {
        /// nil for a parameter, whatever its name.
        fileprivate var literals: [String?]
    }

    package var shape: Shape {
        Shape(
            literals: segments.map { segment in
                switch segment {
                case .literal(let text): text
                case .parameter: nil
                }
            })
    }

    package var description: String {
        segments.map {
            switch $0 {
            case .literal(let text): text
            case .parameter(let name): "{\(name)}"
            }
        }.joined(separator: "/")
    }
}
