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

    package func update(_ function: String, _ change: (inout Gauge) -> Void) {
        gauges.withLock { change(&$0[function, default: Gauge()]) }
    }

    func attemptEnded(_ function: String, after seconds: Double) {
        update(function) { gauge in
            gauge.attemptSeconds = gauge.attemptSeconds.map { $0 + (seconds - $0) / 16 } ?? seconds
        }
    }

    package var totalRunning: Int { gauges.withLock { $0.values.reduce(0) { $0 + $1.running } } }

    package subscript(function: String) -> Gauge { gauges.withLock { $0[function] ?? Gauge() } }
}
