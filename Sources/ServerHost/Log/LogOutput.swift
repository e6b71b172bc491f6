internal import JobModel
internal import Logging
internal import PayloadSchema

/// Log lines: one JSON object each for machines, one aligned line each for people.
struct LogOutput: LogHandler {
    var logLevel: Logger.Level
    var metadata = Logger.Metadata()
    private let format: Settings.LogFormat
    private let stream: LogStream
    private let now: @Sendable () -> Timestamp

    init(
        level: Logger.Level, format: Settings.LogFormat, to stream: LogStream, now: @escaping @Sendable () -> Timestamp
    ) {
        logLevel = level
        self.format = format
        self.stream = stream
        self.now = now
        stream.tellLosses { count in
            Self.line(.warning, LogLoss.message, [("lines", "\(count)")], format, at: now())
        }
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let facts = metadata.merging(event.metadata ?? [:]) { $1 }.sorted { $0.key < $1.key }
        stream.write(
            Self.line(event.level, "\(event.message)", facts.map { ($0.key, "\($0.value)") }, format, at: now()))
    }

    private static func line(
        _ level: Logger.Level, _ message: String, _ facts: [(key: String, value: String)], _ format: Settings.LogFormat,
        at time: Timestamp
    ) -> String {
        switch format {
        case .json:
            var object = JSONObject()
            object["time"] = .string(time.description)
            object["level"] = .string(level.rawValue)
            object["message"] = .string(message)
            for (key, value) in facts { object[key] = .string(value) }
            return JSONValue.object(object).text.escapedForTerminal() + "\n"
        case .text:
            let facts = facts.map { " \($0.key)=\($0.value.escapedForTerminal())" }.joined()
            let name = level.rawValue.uppercased()
            let level = name + String(repeating: " ", count: max(0, 8 - name.count))
            return "\(time) \(level)\(message.escapedForTerminal())\(facts)\n"
        }
    }
}
