internal import FunctionManifest
internal import Logging
internal import OperationsAPI

/// What a reload did, and why one did nothing, as log lines.
struct ReloadLog: Sendable {
    let logger: Logger

    func write(_ answer: ReloadAnswer) {
        switch answer {
        case .taken(let report) where report.revision == report.former:
            logger.info("Manifest is right again, nothing has changed", metadata: ["revision": "\(report.revision)"])
        case .taken(let report):
            var metadata: Logger.Metadata = ["revision": "\(report.revision)", "former": "\(report.former)"]
            if !report.lines.isEmpty { metadata["changes"] = "\(report.lines.joined(separator: "; "))" }
            logger.info("Manifest reloaded", metadata: metadata)
        case .refused(let failure):
            logger.error(
                "Manifest not taken, the last good revision stays", metadata: ["problem": "\(failure.summary)"])
        }
    }
}
