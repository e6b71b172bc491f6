import Foundation
import FunctionManifest
import Testing

/// `Wrong/NAME.yaml` and what is said about it, character for character, in `Wrong/NAME.txt`. With SLUICE_REWRITE set, the
/// texts are written anew: look at every one that changes.
@Suite struct WrongFileTests {
    private static let folder = URL(fileURLWithPath: #filePath).appendingPathComponent("../Wrong").standardized

    static let names: [String] = {
        let files = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
        return files.filter { $0.hasSuffix(".yaml") }.map { String($0.dropLast(5)) }.sorted()
    }()

    private static func said(of name: String) throws -> String {
        let bytes = [UInt8](try Data(contentsOf: folder.appendingPathComponent("\(name).yaml")))
        let loader = ManifestLoader(
            sources: ReferenceSources(
                environment: { _ in nil }, file: { _ in .failure(.init("it is not there or cannot be read")) }))
        let result = loader.load(bytes)
        if case .success = result, !name.hasPrefix("warning-") {
            Issue.record("\(name) is not wrong")
        }
        let source = SourceLines(bytes)
        return result.problems.map { $0.rendered(file: "functions.yaml", source: source) }.joined(separator: "\n")
    }

    @Test func `There are at least eighty`() { #expect(Self.names.count >= 80) }

    @Test(arguments: names) func `A wrong manifest is told as its file says`(_ name: String) throws {
        let file = Self.folder.appendingPathComponent("\(name).txt")
        let said = try Self.said(of: name)
        if ProcessInfo.processInfo.environment["SLUICE_REWRITE"] != nil {
            try Data(said.utf8).write(to: file)
        }
        #expect(said == (try String(contentsOf: file, encoding: .utf8)))
    }

    /// A billion laughs is refused at its first anchor: nothing is built.
    @Test func `What would grow without bound is refused before it is built`() throws {
        let start = ContinuousClock.now
        for _ in 0..<100 { #expect(try Self.said(of: "billion-laughs").contains("anchors are not supported")) }
        // 50 ms for one; a hundred have as much and are far from it.
        #expect(ContinuousClock.now - start < .seconds(5))
    }
}
