/// Every bound that Sluice puts on what comes from outside, with its reason. Manifest values may lower some of them.
package enum Limits {
    /// A manifest is written by hand; a larger one is a mistake or an attack (CONTRACT 3).
    package static let manifestBytes = 1 << 20
    /// YAML collections inside each other; as deep as JSON may be.
    package static let manifestDepth = 64
    /// `maxPayload` may be raised to this: a payload is held in memory while it is checked and run.
    package static let payloadBytes = 64 << 20
    /// Error texts kept with an attempt: enough to read, too little to fill a disk.
    package static let errorTextBytes = 4096
    /// Header fields of a target's answer that are recorded with an attempt, as they stand on the wire.
    package static let exchangeHeaderBytes = 16 << 10
    /// `Sluice-Delay`, `Sluice-Not-Before`, `delay` (CONTRACT 4).
    package static let delay = Duration.seconds(30 * 86_400)
    /// The longest wait a target may ask for with `Retry-After` (CONTRACT 3).
    package static let retryAfter = Duration.seconds(86_400)
    /// A long poll is held this long at most (CONTRACT 4): below the 30 s after which common proxies give up.
    package static let longPollSeconds = 25
    /// `mode: sync` holds its request this long at most (CONTRACT 3).
    package static let syncHold = Duration.seconds(25)
    /// A longer payload or value is not read on an event loop: what is done there takes 100 µs at most.
    package static let lookBytes = 16 << 10
    /// Characters of an `Idempotency-Key`: a UUID has 36, a client's composed key rarely more than 200.
    package static let idempotencyKeyCharacters = 255
    /// A webhook's URL, stored with its job: common browsers and servers allow no more than about 2 KB.
    package static let webhookURLBytes = 2048
    /// After so many attempts of one run were cut off by a crash, the job itself is to blame (CONTRACT 2).
    package static let lostAttempts = 3
    /// Other starts are held back for so long at most while a suspect waits for its turn or runs (CONTRACT 2): longer, and one
    /// long job would stop the server.
    package static let startHold = Duration.seconds(5)
    /// From the beginning of one hold to that of the next, at least (CONTRACT 2).
    package static let startHoldInterval = Duration.seconds(60)
    /// A suspect that has waited so long for being alone starts beside others (CONTRACT 2).
    package static let suspectPatience = Duration.seconds(300)
    /// Attempts of one run in the manifest: beyond that a backoff table hides a target that never answers.
    package static let retryAttempts = 100
    /// Any duration of the manifest: a year, so that sums of two never overflow a timestamp.
    package static let manifestDuration = Duration.seconds(366 * 86_400)
    /// Log lines that wait for whoever reads them: several thousand, enough for a reader that restarts.
    package static let logBufferBytes = 1 << 20
    /// Rate windows held in memory, about 60 MB; beyond that some are forgotten before they are over, which only admits more.
    package static let rateKeys = 1_000_000
    /// Throttle keys held in memory.
    package static let throttleKeys = 1_000_000
    /// Lanes with due jobs that are remembered, about 200 MB; beyond that they are found by the audit, page by page.
    package static let lanes = 1_000_000
    /// A lane of which nothing can be claimed is left alone for so long: its first row is damaged.
    package static let failedLaneRest = Duration.seconds(60)
    /// Running attempts in all.
    package static let concurrency = 100_000
    /// A page of a list may take this long to read, its attempts and its total as well: together the 250 ms of CONTRACT 5, so
    /// that a list never holds a reading thread for longer than a person notices.
    package static let listMilliseconds: Int64 = 100
    package static let listAttemptsMilliseconds: Int64 = 50
    package static let listTotalMilliseconds: Int64 = 100
    /// A page of a list ends after so many bytes (CONTRACT 5), whatever its jobs carry.
    package static let listBytes = 4 << 20
    /// A longer payload or value is left out of lists (CONTRACT 5); the job itself has it.
    package static let listPartBytes = 64 << 10
    /// Queued jobs that "others come before it" looks at: beyond a thousand only the order of magnitude matters.
    package static let jobsAhead = 1000
}
