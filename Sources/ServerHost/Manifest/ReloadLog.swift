internal import FunctionManifest
internal import Logging
internal import OperationsAPI
internal import PayloadSchema

/// What a reload did, and why one did nothing: as log lines, or in full for whoever develops.
struct ReloadLog: Sendable {
    /// Changes in one line of the log; the others are in the answer of the reload.
    private static let shown = 20

    let logger: Logger
    let stream: LogStream
    /// `sluice dev`: every change on a line of its own, every mistake with its source line.
    let isLoud: Bool

    func write(_ answer: ReloadAnswer) {
        if isLoud { stream.write(text(answer)) } else { log(answer) }
    }

    private func text(_ answer: ReloadAnswer) -> String {
        switch answer {
        case .taken(let report) where report.revision == report.former:
            return stream.reader.paint("<=> manifest is right again, nothing has changed\n", .good)
        case .taken(let report):
            let lines = report.lines.map { "    \($0.escapedForTerminal())\n" }.joined()
            return stream.reader.paint("<=> manifest reloaded, revision \(report.revision)\n", .good) + lines
        case .refused(let failure):
            let told = failure.text.escapedForTerminal(keepingLayout: true)
            let text = told.hasSuffix("\n") ? told : told + "\n"
            return stream.reader.paint("<=> manifest not taken, the last good revision stays\n", .bad) + text
        }
    }

    private func log(_ answer: ReloadAnswer) {
        switch answer {
        case .taken(let report) where report.revision == report.former:
            logger.info("Manifest is right again, nothing has changed", metadata: ["revision": "\(report.revision)"])
        case .taken(let report):
            guard logger.logLevel <= .info else { return }
            var metadata: Logger.Metadata = ["revision": "\(report.revision)", "former": "\(report.former)"]
            let lines = report.lines
            let more = lines.count > Self.shown ? "; and \(lines.count - Self.shown) more" : ""
            if !lines.isEmpty { metadata["changes"] = "\(lines.prefix(Self.shown).joined(separator: "; "))\(more)" }
            logger.info("Manifest reloaded", metadata: metadata)
        case .refused(let failure):
            logger.error(
                "Manifest not taken, the last good revision stays", metadata: ["problem": "\(failure.summary)"])
        }
    }
}
