internal import Foundation
internal import JobModel
internal import Logging
internal import PayloadSchema

/// Log lines on stderr: one JSON object each for machines, one aligned line each for people.
struct LogOutput: LogHandler {
    var logLevel: Logger.Level
    var metadata = Logger.Metadata()
    private let format: Settings.LogFormat
    private let now: @Sendable () -> Timestamp

    init(level: Logger.Level, format: Settings.LogFormat, now: @escaping @Sendable () -> Timestamp) {
        logLevel = level
        self.format = format
        self.now = now
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let merged = metadata.merging(event.metadata ?? [:]) { $1 }.sorted { $0.key < $1.key }
        let line: String
        switch format {
        case .json:
            var object = JSONObject()
            object["time"] = .string(now().description)
            object["level"] = .string(event.level.rawValue)
            object["message"] = .string("\(event.message)")
            for (key, value) in merged { object[key] = .string("\(value)") }
            line = JSONValue.object(object).text
        case .text:
            let facts = merged.map { " \($0.key)=\(Self.printable("\($0.value)"))" }.joined()
            let level = event.level.rawValue.uppercased().padding(toLength: 8, withPad: " ", startingAt: 0)
            line = "\(now().description) \(level)\(event.message)\(facts)"
        }
        StandardError.write("\(line)\n")
    }

    /// What comes from outside must not move the cursor or forge a line.
    private static func printable(_ text: String) -> String {
        String(
            String.UnicodeScalarView(text.unicodeScalars.map { $0.value < 0x20 || $0.value == 0x7F ? "\u{FFFD}" : $0 }))
    }
}
