internal import JobEngine
internal import JobModel
internal import JobStore

/// The Prometheus text format, version 0.0.4.
struct MetricsText {
    private(set) var text = ""

    mutating func family(_ name: String, _ type: String, _ help: String) {
        text += "# HELP \(name) \(help)\n# TYPE \(name) \(type)\n"
    }

    mutating func sample(_ name: String, _ labels: [(String, String)] = [], _ value: some CustomStringConvertible) {
        text += "\(name)\(Self.braces(labels)) \(value)\n"
    }

    mutating func histogram(_ name: String, _ labels: [(String, String)] = [], _ histogram: Histogram) {
        var total: UInt64 = 0
        for (bound, count) in zip(histogram.bounds, histogram.counts) {
            total += count
            sample("\(name)_bucket", labels + [("le", "\(bound)")], total)
        }
        sample("\(name)_bucket", labels + [("le", "+Inf")], histogram.count)
        sample("\(name)_sum", labels, histogram.sum)
        sample("\(name)_count", labels, histogram.count)
    }

    /// Label values are function names and words of our own: nothing in them needs escaping, and it is escaped anyway.
    private static func braces(_ labels: [(String, String)]) -> String {
        guard !labels.isEmpty else { return "" }
        let pairs = labels.map { name, value in
            let escaped = value.flatMap { $0 == "\\" || $0 == "\"" ? ["\\", $0] : $0 == "\n" ? ["\\", "n"] : [$0] }
            return "\(name)=\"\(String(escaped))\""
        }
        return "{\(pairs.joined(separator: ","))}"
    }
}

extension MetricsText {
    /// Everything that the engine knows; `sluice_` before every name, no ids as labels.
    static func of(
        _ engine: JobEngine, connections: Int, reloads: ReloadCounts, version: String, lostLogLines: UInt64
    ) async throws -> String {
        let figures = try await engine.figures()
        let counts = figures.functions.sorted { $0.key < $1.key }
        let gauges = figures.queues.sorted { $0.key < $1.key }
        let store = figures.store
        var metrics = MetricsText()

        metrics.family("sluice_info", "gauge", "Version and manifest revision; always 1.")
        metrics.sample("sluice_info", [("version", version), ("revision", figures.revision)], 1)

        metrics.family("sluice_manifest_reloads_total", "counter", "Looks at a changed manifest, by what came of them.")
        metrics.sample("sluice_manifest_reloads_total", [("result", "taken")], reloads.taken)
        metrics.sample("sluice_manifest_reloads_total", [("result", "refused")], reloads.refused)
        metrics.family("sluice_manifest_broken", "gauge", "1 while the manifest's file is not what is in force.")
        metrics.sample("sluice_manifest_broken", [], reloads.isBroken ? 1 : 0)
        metrics.family("sluice_manifest_loaded_timestamp_seconds", "gauge", "When the manifest in force was loaded.")
        metrics.sample(
            "sluice_manifest_loaded_timestamp_seconds", [], Double(reloads.loadedAt.milliseconds) / 1000)

        let counters: [(String, String, KeyPath<EngineMetrics.Counts, UInt64>)] = [
            ("sluice_jobs_accepted_total", "Jobs accepted.", \.accepted),
            ("sluice_attempts_started_total", "Attempts started.", \.started),
            ("sluice_jobs_completed_total", "Jobs that completed.", \.completed),
            ("sluice_jobs_failed_total", "Jobs that failed.", \.failed),
            ("sluice_jobs_timeout_total", "Jobs whose maxWait was over.", \.timedOut),
            ("sluice_jobs_cancelled_total", "Jobs that were cancelled.", \.cancelled),
            ("sluice_attempts_retried_total", "Attempts that were followed by another.", \.retried),
            ("sluice_attempts_lost_total", "Attempts cut off by a crash of the server.", \.lost),
            ("sluice_results_stale_total", "Results that came too late.", \.stale),
        ]
        for (name, help, path) in counters {
            metrics.family(name, "counter", help)
            for (function, count) in counts { metrics.sample(name, [("function", function)], count[keyPath: path]) }
        }
        metrics.family("sluice_calls_refused_total", "counter", "Calls that were not accepted, by reason.")
        for (function, count) in counts {
            for reason in EngineMetrics.Refused.allCases {
                metrics.sample(
                    "sluice_calls_refused_total", [("function", function), ("reason", reason.rawValue)],
                    count.refused[reason] ?? 0)
            }
        }
        metrics.family("sluice_wait_seconds", "histogram", "From the due time to the start of an attempt.")
        for (function, count) in counts {
            metrics.histogram("sluice_wait_seconds", [("function", function)], count.waitSeconds)
        }
        metrics.family("sluice_attempt_seconds", "histogram", "From the start of an attempt to its end.")
        for (function, count) in counts {
            metrics.histogram("sluice_attempt_seconds", [("function", function)], count.attemptSeconds)
        }
        metrics.family("sluice_queued_jobs", "gauge", "Queued jobs, delayed and backoff included.")
        for (function, gauge) in gauges { metrics.sample("sluice_queued_jobs", [("function", function)], gauge.queued) }
        metrics.family("sluice_running_attempts", "gauge", "Attempts that run.")
        for (function, gauge) in gauges {
            metrics.sample("sluice_running_attempts", [("function", function)], gauge.running)
        }
        metrics.family("sluice_oldest_due_seconds", "gauge", "How long the longest waiting job has been due.")
        for (function, seconds) in figures.oldestDueSeconds.sorted(by: { $0.key < $1.key }) {
            metrics.sample("sluice_oldest_due_seconds", [("function", function)], max(0, seconds))
        }
        metrics.family("sluice_slots", "gauge", "Attempts that may run at once.")
        metrics.sample("sluice_slots", [], figures.slots)
        metrics.family("sluice_silent_targets", "gauge", "HTTP targets that do not answer and are tried one by one.")
        metrics.sample("sluice_silent_targets", [], figures.silentTargets)
        metrics.family(
            "sluice_claims_given_back_total", "counter",
            "Claimed jobs that went back without having started, because a limit had no room for them.")
        metrics.sample("sluice_claims_given_back_total", [], figures.claimsGivenBack)
        metrics.family(
            "sluice_start_holds_total", "counter",
            "Times that starts were held back, so that a job which crashes had cut off twice could run alone.")
        metrics.sample("sluice_start_holds_total", [], figures.startHolds)
        metrics.family(
            "sluice_dispatch_longest_hold_seconds", "gauge", "The longest time that the dispatcher's lock was held.")
        metrics.sample("sluice_dispatch_longest_hold_seconds", [], figures.longestHold)
        metrics.family("sluice_store_batch_requests", "histogram", "Requests that shared a commit.")
        metrics.histogram("sluice_store_batch_requests", [], store.batches)
        metrics.family(
            "sluice_store_commit_seconds", "histogram", "Transactions, from their start to the synced commit.")
        metrics.histogram("sluice_store_commit_seconds", [], store.commitSeconds)
        metrics.family("sluice_store_errors_total", "counter", "Requests that the store could not serve.")
        metrics.sample("sluice_store_errors_total", [], store.errors)
        metrics.family(
            "sluice_store_checkpoint_errors_total", "counter",
            "Times that the log could not be brought into the database.")
        metrics.sample("sluice_store_checkpoint_errors_total", [], store.checkpointErrors)
        metrics.family("sluice_store_log_pages", "gauge", "Pages of 4 KiB in the write-ahead log.")
        metrics.sample("sluice_store_log_pages", [], store.logPages)
        if let bytes = figures.freeBytes {
            metrics.family("sluice_free_bytes", "gauge", "Bytes of the data's file system that are free.")
            metrics.sample("sluice_free_bytes", [], bytes)
        }
        let webhooks = figures.webhooks
        for (name, help, value) in [
            ("sluice_webhooks_delivered_total", "Webhooks that arrived.", webhooks.delivered),
            ("sluice_webhooks_failed_total", "Webhooks that were given up.", webhooks.failed),
            (
                "sluice_webhook_attempts_retried_total", "Attempts at webhooks that are followed by another.",
                webhooks.retried
            ),
        ] {
            metrics.family(name, "counter", help)
            metrics.sample(name, [], value)
        }
        metrics.family("sluice_webhooks_pending", "gauge", "Webhooks that have not arrived and are not given up.")
        metrics.sample("sluice_webhooks_pending", [], webhooks.pending)
        metrics.family("sluice_http_connections", "gauge", "Open connections.")
        metrics.sample("sluice_http_connections", [], connections)
        metrics.family("sluice_log_lines_lost_total", "counter", "Lines of the log that nobody read in time.")
        metrics.sample("sluice_log_lines_lost_total", [], lostLogLines)
        metrics.family("sluice_waiters", "gauge", "Requests held until a job changes.")
        metrics.sample("sluice_waiters", [], figures.waiters)
        return metrics.text
    }
}
