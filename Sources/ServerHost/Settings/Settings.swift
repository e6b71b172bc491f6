internal import FoundationEssentials
internal import JobModel
internal import Logging

/// What a server is started with: flag, then environment, then `.env`, then default (CONTRACT 10).
package struct Settings: Sendable {
    /// The flags as they were given; nil means not given.
    package struct Flags: Sendable {
        package var port: Int?
        package var host: String?
        package var manifest: String?
        package var data: String?
        package var database: String?
        package var logLevel: String?
        package var logFormat: String?
        /// `sluice dev`.
        package var isDev = false

        package init() {}
    }

    enum LogFormat: String, CaseIterable { case json, text }

    /// For whoever develops: reloads loud, loopback open for egress, a webhook sink, a log for people.
    var isDev: Bool
    var manifest: ManifestFile
    var port: Int
    var host: String
    var database: Database
    var dataFolder: String
    var adminToken: Secret?
    /// Signs the webhooks of the whole team; nil: each account has its own.
    var webhookSecret: Secret?
    /// How a shell gets the token that was given; nil when it lies in the data folder.
    var adminTokenSource: String?
    var logLevel: Logger.Level
    /// nil: text for people, JSON for programs.
    var logFormat: LogFormat?

    package init(_ flags: Flags) throws(SettingsProblem) {
        isDev = flags.isDev
        let process = ProcessInfo.processInfo.environment
        manifest = ManifestFile(path: flags.manifest ?? process["SLUICE_MANIFEST"] ?? "functions.yaml")
        let environment: Environment
        do throws(ManifestFile.Unreadable) {
            environment = Environment(dotEnv: try manifest.dotEnv())
        } catch {
            throw SettingsProblem(text: error.text)
        }
        func setting(_ name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }

        port = flags.port ?? 3000
        if flags.port == nil, let text = setting("PORT") {
            guard let number = Int(text) else { throw SettingsProblem(text: "PORT is \"\(text)\"; it takes a number") }
            port = number
        }
        guard (0...65_535).contains(port) else {
            throw SettingsProblem(text: "port \(port) is out of range: 0 to 65535")
        }
        host = flags.host ?? setting("SLUICE_HOST") ?? "127.0.0.1"
        database = try Database(url: flags.database ?? setting("DATABASE_URL") ?? "sqlite:sluice.db")
        dataFolder = flags.data ?? setting("SLUICE_DATA") ?? database.folder
        adminToken = try Self.secret("SLUICE_ADMIN_TOKEN", setting)
        if adminToken != nil {
            adminTokenSource =
                setting("SLUICE_ADMIN_TOKEN") != nil
                ? "$SLUICE_ADMIN_TOKEN" : "$(cat '\(setting("SLUICE_ADMIN_TOKEN_FILE") ?? "")')"
        }
        webhookSecret = try Self.secret("WEBHOOK_SECRET", setting)
        let level = flags.logLevel ?? setting("LOG_LEVEL") ?? (flags.isDev ? "debug" : "info")
        guard let logLevel = Logger.Level(rawValue: level.lowercased()) else {
            let levels = Logger.Level.allCases.map(\.rawValue).joined(separator: ", ")
            throw SettingsProblem(text: "LOG_LEVEL is \"\(level)\"; one of: \(levels)")
        }
        self.logLevel = logLevel
        if let format = flags.logFormat ?? setting("LOG_FORMAT") {
            guard let known = LogFormat(rawValue: format) else {
                throw SettingsProblem(text: "LOG_FORMAT is \"\(format)\"; one of: json, text")
            }
            logFormat = known
        }
    }

    /// `NAME`, or the content of the file that `NAME_FILE` names; at least 32 bytes.
    private static func secret(_ name: String, _ setting: (String) -> String?) throws(SettingsProblem) -> Secret? {
        var value = setting(name)
        if value == nil, let path = setting("\(name)_FILE") {
            guard let data = FileManager.default.contents(atPath: path) else {
                throw SettingsProblem(text: "\(name)_FILE names \(path), which cannot be read")
            }
            value = SecretFile.value(of: [UInt8](data))
            guard value?.isEmpty == false else {
                throw SettingsProblem(text: "\(name)_FILE names \(path), which is empty or not UTF-8")
            }
        }
        if let value, value.utf8.count < 32 {
            throw SettingsProblem(text: "\(name) is shorter than 32 bytes; make one with: openssl rand -hex 32")
        }
        return value.map { Secret($0) }
    }
}
