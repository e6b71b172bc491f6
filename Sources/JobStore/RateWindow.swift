package import JobModel

/// A `rateLimit` window as it is kept over a restart.
package struct RateWindow: Equatable, Sendable {
    /// Function, rule and the caller's value, hashed.
    package var key: Int64
    package var openedAt: Timestamp
    package var until: Timestamp
    /// Accepted calls; ignored when it comes with a job, which counts one.
    package var used: Int

    package init(key: Int64, openedAt: Timestamp, until: Timestamp, used: Int = 1) {
        self.key = key
        self.openedAt = openedAt
        self.until = until
        self.used = used
    }
}
