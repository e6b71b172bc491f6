internal import JobModel
internal import Logging

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
        stream.tellLosses { count in
            Self.line(DevColor.paint("!   \(LogLoss.message)", .yellow) + " lines=\(count)", at: now())
        }
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let facts = event.metadata ?? [:]
        guard let text = text(event, { name in facts[name].map { Terminal.plain("\($0)") } ?? "" }, facts) else {
            return
        }
        stream.write(Self.line(text, at: now()))
    }

    /// With the time of day: whoever develops knows the date.
    private static func line(_ text: String, at time: Timestamp) -> String {
        DevColor.paint(String(time.description.dropFirst(11).dropLast()), .dim) + " \(text)\n"
    }

    private func text(_ event: LogEvent, _ fact: (String) -> String, _ facts: Logger.Metadata) -> String? {
        switch "\(event.message)" {
        case "Request":
            let status = fact("status")
            let color: Terminal.Color = status.hasPrefix("5") ? .red : status.hasPrefix("4") ? .yellow : .green
            return "--> \(fact("method")) \(fact("path")) \(DevColor.paint(status, color)) \(fact("ms"))ms"
        case "Attempt":
            let outcome = fact("outcome")
            let color: Terminal.Color = outcome == "completed" ? .green : .red
            let error = fact("error").isEmpty ? "" : ": \(fact("error"))"
            return "<-- \(fact("function")) \(fact("job")) attempt \(fact("attempt")) of \(fact("of")) "
                + "\(DevColor.paint(outcome + error, color)) \(fact("ms"))ms"
        case let message where message.hasPrefix("Webhook"):
            let error = fact("error").isEmpty ? "" : ": \(fact("error"))"
            return "<-- webhook of \(fact("job")) to \(fact("receiver")) attempt \(fact("attempt"))"
                + (error.isEmpty ? DevColor.paint(" delivered", .green) : DevColor.paint(error, .red))
        case let message where event.level >= .warning:
            let all = facts.sorted { $0.key < $1.key }.map { " \($0.key)=\(Terminal.plain("\($0.value)"))" }.joined()
            return DevColor.paint("!   \(message)", .yellow) + all
        default:
            return nil
        }
    }
}

/// Colour on stderr, where the log goes.
enum DevColor {
    static func paint(_ text: String, _ color: Terminal.Color) -> String {
        StandardError.hasColor ? "\u{1B}[\(color.rawValue)m\(text)\u{1B}[0m" : text
    }
}
