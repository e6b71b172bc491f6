internal import Foundation

/// A machine with so little disk space that a server under test would refuse what tests send, as `server.minFreeSpace` says
/// by default: there, manifests keep none.
enum SmallDisk {
    private static let wanted: Int64 = 2 << 30

    static func isOne(_ path: String) -> Bool {
        let attributes = try? FileManager.default.attributesOfFileSystem(forPath: path)
        guard let free = (attributes?[.systemFreeSize] as? NSNumber)?.int64Value else { return false }
        return free < wanted
    }

    /// Lines stay where they are. A manifest that speaks of disk space is left alone.
    static func manifest(_ text: String) -> String {
        guard text.hasPrefix("version: 1"), !text.contains("minFreeSpace") else { return text }
        if text.contains("\nserver: {") {
            return text.replacingOccurrences(of: "\nserver: {", with: "\nserver: {minFreeSpace: 0B, ")
        }
        return text.contains("\nserver:") ? text : text + "\nserver: {minFreeSpace: 0B}\n"
    }
}
