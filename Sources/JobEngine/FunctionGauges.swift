internal import JobModel
package import JobStore
private import Synchronization

/// How much of each function is queued and running, and how long its attempts take: what `Retry-After` is computed
/// from. Counted beside the store, so hints only.
package final class FunctionGauges: Sendable {
    package struct Gauge: Sendable {
        package var queued = 0
        package var running = 0
        package var waiting = 0
        /// A moving average over about the last 16 attempts; nil before the first.
        package var attemptSeconds: Double?

        package init() {}
    }

    private let gauges = Mutex<[String: Gauge]>([:])

    package init() {}

    package func start(from backlogs: [FunctionBacklog]) {
        gauges.withLock { gauges in
            for backlog in backlogs {
                gauges[backlog.function, default: Gauge()].queued = backlog.queued
                gauges[backlog.function, default: Gauge()].running = backlog.running
                gauges[backlog.function, default: Gauge()].waiting = backlog.waiting
            }
        }
    }

    /// Takes a place in the queue, or says why there is none.
    func reserve(_ function: Function, deployment: Deployment) -> QueueFull? {
        gauges.withLock { gauges in
            let gauge = gauges[function.name] ?? Gauge()
            let seconds = max(1, Int64((gauge.attemptSeconds ?? 1).rounded(.up)))
            if gauge.queued >= function.limits.maxQueued {
                return QueueFull(scope: .function, limit: function.limits.maxQueued, retryAfter: seconds)
            }
            // The sum is over functions, not jobs.
            if gauges.values.reduce(0, { $0 + $1.queued }) >= deployment.maxQueued {
                return QueueFull(scope: .server, limit: deployment.maxQueued, retryAfter: seconds)
            }
            gauges[function.name, default: Gauge()].queued += 1
            return nil
        }
    }

    package func update(_ function: String, _ change: (inout Gauge) -> Void) {
        gauges.withLock { change(&$0[function, default: Gauge()]) }
    }

    func attemptEnded(_ function: String, after seconds: Double) {
        update(function) { gauge in
            gauge.attemptSeconds = gauge.attemptSeconds.map { $0 + (seconds - $0) / 16 } ?? seconds
        }
    }

    package var all: [String: Gauge] { gauges.withLock { $0 } }

    package var totalRunning: Int { gauges.withLock { $0.values.reduce(0) { $0 + $1.running } } }

    package subscript(function: String) -> Gauge { gauges.withLock { $0[function] ?? Gauge() } }
}
