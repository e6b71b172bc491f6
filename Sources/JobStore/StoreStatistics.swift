package import JobModel

/// What a store has done since it was opened.
package struct StoreStatistics: Equatable, Sendable {
    /// Requests that shared a commit.
    package var batches = Histogram.sizes
    /// From the start of a transaction to the end of its commit.
    package var commitSeconds = Histogram.seconds
    /// Requests that failed.
    package var errors: UInt64 = 0
    /// Attempts to bring the log into the database that failed.
    package var checkpointErrors: UInt64 = 0
    /// Pages of 4 KiB in the log.
    package var logPages = 0

    package init() {}
}
