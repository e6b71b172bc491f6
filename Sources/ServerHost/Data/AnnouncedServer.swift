internal import FoundationEssentials
internal import Glibc
internal import JobModel
internal import PayloadSchema
internal import SQLiteJobStore

/// The server that a data folder names: where it listens, and the token that it is asked with. A folder may come from
/// somebody else, by git or as an archive, so it is believed only when its files are this user's own and name this machine.
package struct AnnouncedServer: Sendable {
    package struct Problem: Error {
        package var text: String
    }

    package let url: String
    private let folder: String

    /// nil when the folder names none.
    package init?(in folder: String) throws(Problem) {
        self.folder = folder
        let path = Self.file(DataFolder.announcement, in: folder)
        guard let text = try Self.read(path, isSecret: false) else { return nil }
        guard let url = (try? JSONParser.parse(text))?["url"]?.string else {
            throw Problem(text: "\(path) names no server; name it with --server or SLUICE_URL")
        }
        guard Self.isLoopback(url) else {
            throw Problem(
                text:
                    "\(path) names \(url), which is not on this machine's loopback, so it is not believed; if it is right, "
                    + "give --server \(url), and the token in SLUICE_TOKEN")
        }
        self.url = url
    }

    /// For this server and no other. nil when there is none, or it is not for this user to read.
    package func adminToken() throws(Problem) -> String? {
        try Self.read(Self.file(DataFolder.adminToken, in: folder), isSecret: true)
    }

    /// Whether a URL that somebody wrote leads to this server: "localhost" is what people write, 127.0.0.1 what it announces.
    package func isNamed(by url: String) -> Bool {
        func parts(_ url: String) -> [String]? {
            guard let parts = URLComponents(string: url), let scheme = parts.scheme, let host = parts.host else {
                return nil
            }
            let name = host.asciiLowercased == "localhost" ? "127.0.0.1" : host
            return [scheme.asciiLowercased, name, "\(parts.port ?? 80)"]
        }
        return parts(url).map { $0 == parts(self.url) } ?? false
    }

    private static func file(_ name: String, in folder: String) -> String {
        folder == "." ? name : PathText.join(folder, name)
    }

    private static func isLoopback(_ url: String) -> Bool {
        guard let parts = URLComponents(string: url), parts.scheme == "http", parts.user == nil, parts.password == nil,
            let host = parts.host
        else { return false }
        return host == "localhost"
            || IPAddress(host.hasPrefix("[") ? String(host.dropFirst().dropLast()) : host)?.isLoopback == true
    }

    private static func read(_ path: String, isSecret: Bool) throws(Problem) -> String? {
        do throws(PrivateFile.Failure) {
            return try PrivateFile.read(path, isSecret: isSecret, mayBeRoots: false)
        } catch {
            let reason =
                switch error {
                case .flaw(.foreign(let uid)): "\(path) belongs to another user (uid \(uid)); run this as that user"
                case .flaw(let flaw): flaw.text(of: path)
                case .system(let code):
                    "cannot read \(path): \(String(cString: strerror(code))); run this as the user of the server"
                }
            throw Problem(
                text: "\(reason), or name the server with --server or SLUICE_URL, and the token in SLUICE_TOKEN")
        }
    }
}
