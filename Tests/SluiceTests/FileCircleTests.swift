import Foundation
import Testing

/// No room has a circle of files: whoever reads one file needs the files that it names, and never comes back to it.
///
/// The compiler does not see such circles inside a target. Here a file needs another when it names a type that the other declares
/// at its top level; extensions belong to the file in which they stand.
@Suite struct FileCircleTests {
    private static let sources = URL(fileURLWithPath: #filePath).appendingPathComponent("../../../Sources").standardized

    static let rooms: [String] = ((try? FileManager.default.contentsOfDirectory(atPath: sources.path)) ?? []).sorted()

    @Test(arguments: rooms) func `A room's files need each other in one direction`(_ room: String) throws {
        let files = try Self.files(of: room)
        for circle in FileGraph(files).circles {
            Issue.record("\(room): \(circle.joined(separator: " and ")) need each other")
        }
    }

    @Test func `Rooms are found, and so is a circle`() {
        #expect(Self.rooms.contains("JobEngine"))
        let graph = FileGraph([
            "A.swift": "struct A { var b: B }", "B.swift": "package final class B { func c() -> C? { nil } }",
            "C.swift": "enum C { // not A\n case c(\"A\") }\nextension A { }", "D.swift": "struct D { var a: A }",
        ])
        #expect(graph.circles == [["A.swift", "B.swift", "C.swift"]])
    }

    private static func files(of room: String) throws -> [String: String] {
        let folder = sources.appendingPathComponent(room)
        var files: [String: String] = [:]
        for file in try FileManager.default.subpathsOfDirectory(atPath: folder.path) where file.hasSuffix(".swift") {
            files[file] = try String(contentsOf: folder.appendingPathComponent(file), encoding: .utf8)
        }
        return files
    }
}

/// Which files need which others.
private struct FileGraph {
    private var needs: [String: Set<String>] = [:]

    init(_ files: [String: String]) {
        let code = files.mapValues(Self.withoutTextAndComments)
        var homes: [String: String] = [:]
        for (file, code) in code {
            for match in code.matches(of: Self.declaration) where !match.output.1.contains("private") {
                homes[String(match.output.2)] = file
            }
        }
        for (file, code) in code {
            let named = Set(code.matches(of: /\b[A-Z]\w*/).compactMap { homes[String($0.output)] })
            needs[file] = named.subtracting([file])
        }
    }

    /// Modifiers and name of a type at the top level.
    nonisolated(unsafe) private static let declaration =
        /^((?:@\w+(?:\([^)]*\))?\s+|package\s+|private\s+|fileprivate\s+|final\s+|indirect\s+)*)(?:struct|class|enum|actor|protocol|typealias)\s+(\w+)/
        .anchorsMatchLineEndings()

    private static func withoutTextAndComments(_ code: String) -> String {
        code.replacing(/"""(?:.|\n)*?"""/, with: "").replacing(/\/\/.*/, with: "")
            .replacing(/"(?:\\.|[^"\\\n])*"/, with: "")
    }

    /// Files that can be reached from themselves, those of one circle together.
    var circles: [[String]] {
        let reached = Dictionary(uniqueKeysWithValues: needs.keys.map { ($0, self.reached(from: $0)) })
        func reaches(_ one: String, _ other: String) -> Bool { reached[one]?.contains(other) ?? false }
        let circles = needs.keys.filter { reaches($0, $0) }.map { file in
            needs.keys.filter { reaches(file, $0) && reaches($0, file) }.sorted()
        }
        return Set(circles).sorted { $0[0] < $1[0] }
    }

    private func reached(from file: String) -> Set<String> {
        var found: Set<String> = []
        var open = Array(needs[file] ?? [])
        while let next = open.popLast() {
            if found.insert(next).inserted { open += needs[next] ?? [] }
        }
        return found
    }
}
