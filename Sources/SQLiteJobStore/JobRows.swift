internal import JobModel
internal import JobStore

/// How rows become jobs: one place for each list of columns.
extension Statement {
    /// Columns 0 to 9 of `jobs`, joined with `functions`; see `JobColumns`.
    func job() -> Job {
        Job(
            id: JobID(row: integer(0), random: UInt64(bitPattern: integer(1))),
            function: text(2), owner: optionalText(3), revision: text(4), createdAt: time(5),
            scheduledFor: optionalTime(6), priority: int(7), payload: bytes(8), parameters: bytes(9))
    }

    /// Columns 10 to 19 of `queue`, after those of `job()`.
    func liveJob() -> LiveJob {
        let lease = integer(15)
        return LiveJob(
            job: job(),
            progress: JobProgress(
                run: int(10), attempt: int(11), used: int(12), lost: int(13), lastError: optionalText(18)),
            deadline: time(14), lease: lease == 0 ? nil : Lease(token: lease), startedAt: optionalTime(16),
            revision: optionalText(17))
    }
}
