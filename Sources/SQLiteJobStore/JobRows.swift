internal import JobModel
internal import JobStore

/// How rows become jobs: one place for each list of columns.
extension Statement {
    /// Columns 0 to 14 of `jobs`, joined with `functions`.
    func job() -> Job {
        Job(
            id: JobID(row: integer(0), random: UInt64(bitPattern: integer(1))),
            function: text(2), type: optionalText(13), owner: optionalText(3), client: optionalText(10),
            revision: text(4), createdAt: time(5),
            scheduledFor: optionalTime(6), priority: int(7), payload: bytes(8), parameters: bytes(9),
            options: options())
    }

    private func options() -> JobOptions {
        let webhook = optionalText(11)
        let forwarded = bytes(12).map(ExchangeText.fields) ?? []
        guard let stored = bytes(14) else { return JobOptions(webhook: webhook, forwarded: forwarded) }
        var options = OptionsText.options(stored)
        options.webhook = webhook
        options.forwarded = forwarded
        return options
    }

    /// Columns 15 to 26, of `queue`, after those of `job()`.
    func liveJob() -> LiveJob {
        let lease = integer(20)
        return LiveJob(
            job: job(), state: JobState(rawValue: integer(26)),
            progress: JobProgress(
                run: int(15), attempt: int(16), used: int(17), lost: int(18), lastError: optionalText(23)),
            lane: integer(24), due: time(25), deadline: time(19), lease: lease == 0 ? nil : Lease(token: lease),
            startedAt: optionalTime(21), revision: optionalText(22))
    }
}
