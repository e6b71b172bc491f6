package import JobModel
package import JobStore

/// One declared function at a glance, for one account or for all.
package struct FunctionSummary: Sendable {
    package var function: Function
    package var isPaused: Bool
    package var gauge: QueueCounters.Gauge
    /// Failed jobs that are still kept.
    package var failed: Int
    /// When its first queued job is or was due.
    package var oldestDue: Timestamp?
    /// Of an account's latest jobs, or of everybody's since the server started.
    package var attemptTimes: AttemptTimes
}

extension JobEngine {
    /// The declared functions, with the viewer's own jobs counted; the admin's are everybody's.
    package func summaries(as viewer: Viewer) async throws(StoreError) -> [FunctionSummary] {
        let deployment = deployment.value
        let scope = viewer.scope
        let gauges = counters.all(of: scope)
        let failures = try await failures(of: scope)
        let dues = try await oldestDue(of: scope)
        let times = try await attemptTimes(of: scope)
        let paused = paused
        return deployment.functions.sorted { $0.name < $1.name }.map { function in
            FunctionSummary(
                function: function, isPaused: function.paused || paused.contains(function.name),
                gauge: gauges[function.name] ?? QueueCounters.Gauge(), failed: failures[function.name] ?? 0,
                oldestDue: dues[function.name], attemptTimes: times[function.name] ?? AttemptTimes())
        }
    }

    /// So many of an account's latest jobs tell how long its attempts take.
    private static let timesLookedAt = 500

    private func attemptTimes(of scope: Viewer.Scope) async throws(StoreError) -> [String: AttemptTimes] {
        switch scope {
        case .everybody: return metrics.all.mapValues(\.attemptTimes)
        case .nobody: return [:]
        case .owner(let owner):
            return try await store.latestTimes(of: owner, limit: Self.timesLookedAt).mapValues { times in
                var attempts = AttemptTimes()
                for time in times { attempts.record(time) }
                return attempts
            }
        }
    }

    private func failures(of scope: Viewer.Scope) async throws(StoreError) -> [String: Int] {
        switch scope {
        case .everybody: try await store.failures(of: nil)
        case .nobody: [:]
        case .owner(let owner): try await store.failures(of: owner)
        }
    }

    /// When the first queued job of each declared function is or was due; functions without one are left out.
    ///
    /// - Parameter scope: whose jobs; of everybody's the first thousand lanes of a function are looked at.
    func oldestDue(of scope: Viewer.Scope) async throws(StoreError) -> [String: Timestamp] {
        let now = clock.now()
        switch scope {
        case .everybody: break
        case .nobody: return [:]
        case .owner(let owner): return try await store.oldestDue(of: owner).mapValues(now.wallTime)
        }
        var found: [String: Timestamp] = [:]
        for name in deployment.value.functions.map(\.name) {
            let lanes = try await store.lanes(of: name, after: nil, limit: 1000)
            if let due = lanes.map(\.due).min() { found[name] = now.wallTime(of: due) }
        }
        return found
    }
}
