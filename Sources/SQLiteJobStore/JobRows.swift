internal import JobModel
internal import JobStore

/// How rows become jobs: one place for each list of columns.
extension Statement {
    /// `JobColumns.job`: columns 0 to 10 of `jobs`, joined with `functions`.
    func job() -> Job {
        Job(
            id: JobID(row: integer(0), random: UInt64(bitPattern: integer(1))),
            function: text(2), owner: optionalText(3), client: optionalText(10), revision: text(4), createdAt: time(5),
            scheduledFor: optionalTime(6), priority: int(7), payload: bytes(8), parameters: bytes(9))
    }

    /// `JobColumns.live`: columns 11 to 21 of `queue`, after those of `job()`.
    func liveJob() -> LiveJob {
        let lease = integer(16)
        return LiveJob(
            job: job(),
            progress: JobProgress(
                run: int(11), attempt: int(12), used: int(13), lost: int(14), lastError: optionalText(19)),
            lane: integer(20), due: time(21), deadline: time(15), lease: lease == 0 ? nil : Lease(token: lease),
            startedAt: optionalTime(17), revision: optionalText(18))
    }
}
