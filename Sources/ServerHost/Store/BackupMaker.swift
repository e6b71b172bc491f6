internal import HTTPSupport
internal import JobStore
internal import Logging
internal import Timing

/// Makes the copies of the database that `GET /v1/backup` sends.
struct BackupMaker: Sendable {
    let store: any HostedStore
    let data: DataFolder
    let random: RandomSource
    let logger: Logger

    /// - Returns: where the copy lies.
    func make(isStopping: @escaping @Sendable () -> Bool) async throws(Problem) -> String {
        let path = data.newBackup(name: String(random.next(), radix: 16))
        do throws(StoreError) {
            try await store.backup(to: path, isStopping: isStopping)
        } catch {
            logger.error("Cannot make a backup", metadata: ["error": "\(error)"])
            let reason =
                error == .full
                ? "there is no room for a copy of the database in the data folder \(data.path)" : "\(error)"
            throw Problem(503, "No backup was made: \(reason).", kind: "backup-failed", title: "Backup failed")
        }
        return path
    }
}
