internal import JobModel
internal import JobStore

/// How rows become jobs: one place for each list of columns.
extension Statement {
    /// `JobColumns.job`: columns 0 to 12 of `jobs`, joined with `functions`.
    func job() -> Job {
        Job(
            id: JobID(row: integer(0), random: UInt64(bitPattern: integer(1))),
            function: text(2), owner: optionalText(3), client: optionalText(10), revision: text(4), createdAt: time(5),
            scheduledFor: optionalTime(6), priority: int(7), payload: bytes(8), parameters: bytes(9),
            webhook: optionalText(11), forwarded: bytes(12).map(ExchangeText.fields) ?? [])
    }

    /// `JobColumns.live`: columns 13 to 24 of `queue`, after those of `job()`.
    func liveJob() -> LiveJob {
        let lease = integer(18)
        return LiveJob(
            job: job(), state: JobState(rawValue: integer(24)),
            progress: JobProgress(
                run: int(13), attempt: int(14), used: int(15), lost: int(16), lastError: optionalText(21)),
            lane: integer(22), due: time(23), deadline: time(17), lease: lease == 0 ? nil : Lease(token: lease),
            startedAt: optionalTime(19), revision: optionalText(20))
    }
}
