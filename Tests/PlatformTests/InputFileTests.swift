import Foundation
import Platform
import TestClient
import Testing

@Suite struct InputFileTests {
    private let folder = try? TemporaryFolder()

    private func file(_ bytes: [UInt8]) throws -> String {
        let path = try #require(folder).file("file")
        try Data(bytes).write(to: URL(fileURLWithPath: path))
        return path
    }

    @Test(arguments: [0, 1, 4095, 65_536, 65_537, 200_000])
    func `A file is read whole, and in pieces`(_ size: Int) throws {
        let bytes = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        let path = try file(bytes)
        #expect(try InputFile(path: path).read(upTo: .max) == bytes)
        let input = try InputFile(path: path)
        var pieces: [UInt8] = []
        while case let piece = try input.read(upTo: 70_000), !piece.isEmpty {
            #expect(piece.count == min(70_000, size - pieces.count))
            pieces += piece
        }
        #expect(pieces == bytes)
        #expect(try input.read(upTo: 1) == [])
    }

    @Test func `Nothing is read that was not asked for`() throws {
        let input = try InputFile(path: try file([1, 2, 3]))
        #expect(try input.read(upTo: 0) == [])
        #expect(try input.read(upTo: 2) == [1, 2])
        #expect(try input.read(upTo: 2) == [3])
    }

    @Test func `What cannot be opened or read says why`() throws {
        let folder = try #require(folder)
        let missing = #expect(throws: InputFile.Failure.self) { try InputFile(path: folder.file("missing")) }
        #expect(missing?.description == "No such file or directory")
        let directory = #expect(throws: InputFile.Failure.self) { try InputFile(path: folder.path).read(upTo: 1) }
        #expect(directory?.code == EISDIR)
    }

    @Test func `A file that nobody holds is closed`() throws {
        let path = try file([1])
        func open() throws -> Int { try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count }
        // Other tests open some, too: far fewer than this.
        let before = try open()
        for _ in 0..<500 { _ = try InputFile(path: path).read(upTo: 1) }
        #expect(try open() < before + 400)
    }
}
