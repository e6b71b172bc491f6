internal import FoundationEssentials
internal import Glibc
internal import JobStore
package import Logging
internal import SQLiteJobStore
internal import Timing

/// Opens the embedded store, under its lock.
package enum SQLiteOpener {
    package static func open(
        _ path: String, logger: Logger, stream: LogStream
    ) throws(StartRefusal) -> any HostedStore {
        // What cannot be made is told by the lock, with its reason.
        _ = Folder.make(Folder.parent(of: path))
        let lock = try lock(path)
        if let warning = lock.warning {
            logger.critical("Accepted jobs may be lost", metadata: ["reason": "\(warning)"])
        }
        if let exposure = lock.exposure {
            logger.warning("Others can read the database", metadata: ["file": "\(exposure)"])
        }
        do throws(StoreError) {
            return try SQLiteJobStore(
                path: path, lock: lock, readyReaders: ProcessInfo.processInfo.activeProcessorCount + 2,
                uptime: { Uptime.nanoseconds() },
                onMigration: { progress in
                    logger.notice(
                        "Bringing the database up to date",
                        metadata: [
                            "version": "\(progress.version) of \(progress.newest)", "jobs": "\(progress.jobs)",
                            "percent": "\(progress.percent)",
                        ])
                },
                onTrouble: StoreLog(logger: logger).tell,
                onFatal: { error in
                    logger.critical(
                        "The database can no longer be trusted to keep what it is given; exiting",
                        metadata: ["error": "\(error)"])
                    stream.flush()
                    _exit(1)
                })
        } catch {
            throw StartRefusal("cannot open the database \(path)", error)
        }
    }

    private static func lock(_ path: String) throws(StartRefusal) -> DatabaseLock {
        do throws(DatabaseLockProblem) {
            return try DatabaseLock(path: path)
        } catch {
            switch error {
            case .held(let pid):
                let owner = pid.map { "process \($0)" } ?? "another process"
                throw StartRefusal("the database \(path) is in use by \(owner)", .temporary)
            case .failed(let path, let code):
                throw StartRefusal(
                    "cannot open \(path): \(String(cString: strerror(code)))",
                    DiskFailure.isTemporary(code) ? .temporary : .configuration)
            case .unsafe(let text):
                throw StartRefusal("cannot open the database: \(text)", .configuration)
            }
        }
    }
}
