package import JobModel
package import JobStore

/// One declared function at a glance, for one account or for all.
package struct FunctionSummary: Sendable {
    package var function: Function
    package var isPaused: Bool
    package var gauge: FunctionGauges.Gauge
    /// Failed jobs that are still kept.
    package var failed: Int
    /// When its first queued job is or was due.
    package var oldestDue: Timestamp?
    /// Of an account's latest jobs, or of everybody's since the server started.
    package var attemptTimes: AttemptTimes
}

extension JobEngine {
    /// - Parameter owner: whose jobs are counted; nil for all.
    package func summaries(of owner: String?) async throws(StoreError) -> [FunctionSummary] {
        let deployment = deployment.value
        let gauges = owner.map { self.gauges.all(of: $0) } ?? self.gauges.all
        let failures = try await store.failures(of: owner)
        let dues = try await oldestDue(of: owner)
        let times = try await attemptTimes(of: owner)
        let paused = paused
        return deployment.functions.sorted { $0.name < $1.name }.map { function in
            FunctionSummary(
                function: function, isPaused: function.paused || paused.contains(function.name),
                gauge: gauges[function.name] ?? FunctionGauges.Gauge(), failed: failures[function.name] ?? 0,
                oldestDue: dues[function.name], attemptTimes: times[function.name] ?? AttemptTimes())
        }
    }

    /// So many of an account's latest jobs tell how long its attempts take.
    private static let timesLookedAt = 500

    private func attemptTimes(of owner: String?) async throws(StoreError) -> [String: AttemptTimes] {
        guard let owner else { return metrics.all.mapValues(\.attemptTimes) }
        return try await store.latestTimes(of: owner, limit: Self.timesLookedAt).mapValues { times in
            var attempts = AttemptTimes()
            for time in times { attempts.record(time) }
            return attempts
        }
    }

    /// When the first queued job of each declared function is or was due; functions without one are left out.
    ///
    /// - Parameter owner: whose jobs; nil for all, of which the first thousand lanes of a function are looked at.
    package func oldestDue(of owner: String? = nil) async throws(StoreError) -> [String: Timestamp] {
        let now = clock.now()
        if let owner { return try await store.oldestDue(of: owner).mapValues(now.wallTime) }
        var found: [String: Timestamp] = [:]
        for name in deployment.value.functions.map(\.name) {
            let lanes = try await store.lanes(of: name, after: nil, limit: 1000)
            if let due = lanes.map(\.due).min() { found[name] = now.wallTime(of: due) }
        }
        return found
    }
}
