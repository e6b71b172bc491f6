internal import JobModel
internal import Logging
internal import PayloadSchema

/// The log of `sluice dev`: a line for each request (`-->`) and each attempt (`<--`), webhooks, reloads and what is wrong;
/// nothing else.
struct DevLog: LogHandler {
    var logLevel: Logger.Level
    var metadata = Logger.Metadata()
    private let stream: LogStream
    private let now: @Sendable () -> Timestamp

    init(level: Logger.Level, to stream: LogStream, now: @escaping @Sendable () -> Timestamp) {
        logLevel = level
        self.stream = stream
        self.now = now
        let reader = stream.reader
        stream.tellLosses { count in
            Self.line(reader.paint("!   \(LogLoss.message)", .warning) + " lines=\(count)", reader, at: now())
        }
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let facts = event.metadata ?? [:]
        guard let text = text(event, { name in facts[name].map { "\($0)".escapedForTerminal() } ?? "" }, facts)
        else {
            return
        }
        stream.write(Self.line(text, stream.reader, at: now()))
    }

    /// With the time of day: whoever develops knows the date.
    private static func line(_ text: String, _ reader: LogReader, at time: Timestamp) -> String {
        reader.paint(String(time.description.dropFirst(11).dropLast()), .aside) + " \(text)\n"
    }

    private func text(_ event: LogEvent, _ fact: (String) -> String, _ facts: Logger.Metadata) -> String? {
        switch "\(event.message)" {
        case "Request":
            let status = fact("status")
            let accent: LogReader.Accent = status.hasPrefix("5") ? .bad : status.hasPrefix("4") ? .warning : .good
            return "--> \(fact("method")) \(fact("path")) \(paint(status, accent)) \(fact("ms"))ms"
        case "Attempt":
            let outcome = fact("outcome")
            let accent: LogReader.Accent = outcome == "completed" ? .good : .bad
            let error = fact("error").isEmpty ? "" : ": \(fact("error"))"
            return "<-- \(fact("function")) \(fact("job")) attempt \(fact("attempt")) of \(fact("of")) "
                + "\(paint(outcome + error, accent)) \(fact("ms"))ms"
        case let message where message.hasPrefix("Webhook"):
            let error = fact("error").isEmpty ? "" : ": \(fact("error"))"
            return "<-- webhook of \(fact("job")) to \(fact("receiver")) attempt \(fact("attempt"))"
                + (error.isEmpty ? paint(" delivered", .good) : paint(error, .bad))
        case let message where event.level >= .warning:
            let all = facts.keys.sorted().map { " \($0)=\(fact($0))" }.joined()
            return paint("!   \(message.escapedForTerminal())", .warning) + all
        default:
            return nil
        }
    }

    private func paint(_ text: String, _ accent: LogReader.Accent) -> String { stream.reader.paint(text, accent) }
}
