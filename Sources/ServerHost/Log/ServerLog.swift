internal import JobModel
internal import Logging

/// The logger of a server: lines for programs, for people, or for whoever develops.
enum ServerLog {
    static func logger(
        _ settings: Settings, to stream: LogStream, now: @escaping @Sendable () -> Timestamp
    ) -> Logger {
        let format = settings.logFormat ?? (stream.reader.isPerson ? .text : .json)
        let output: any LogHandler =
            settings.isDev && settings.logFormat == nil
            ? DevLog(level: settings.logLevel, to: stream, now: now)
            : LogOutput(level: settings.logLevel, format: format, to: stream, now: now)
        var logger = Logger(label: "sluice") { _ in output }
        logger.logLevel = settings.logLevel
        return logger
    }
}
