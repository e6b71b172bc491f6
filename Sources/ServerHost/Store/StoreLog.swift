internal import Logging
internal import SQLiteJobStore

/// Tells the log when the store gets into trouble and out of it.
struct StoreLog: Sendable {
    let logger: Logger

    @Sendable func tell(_ trouble: StoreTrouble, _ reason: String?) {
        if let reason {
            logger.critical(Self.beginning(of: trouble), metadata: ["reason": "\(reason)"])
        } else {
            logger.notice(Self.end(of: trouble))
        }
    }

    private static func beginning(of trouble: StoreTrouble) -> Logger.Message {
        switch trouble {
        case .displaced:
            """
            The database was moved away under the server: nothing is accepted until the file is back in its place. \
            "sluice backup" still saves it. If another file is to take its place, stop the server and remove the -wal and \
            -shm files first
            """
        case .writes: "The disk does not take writes: nothing is accepted until it does"
        case .checkpoints: "The log cannot be brought into the database: it grows with every job"
        case .damage: "The database is damaged: stop the server and restore a backup"
        }
    }

    private static func end(of trouble: StoreTrouble) -> Logger.Message {
        switch trouble {
        case .displaced: "The database is in its place again"
        case .writes: "The disk takes writes again"
        case .checkpoints: "The log is brought into the database again"
        case .damage: "The database is whole again"
        }
    }
}
