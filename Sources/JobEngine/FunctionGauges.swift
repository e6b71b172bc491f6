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

    /// With the sums over all functions, which every accept asks for.
    private struct State {
        var gauges: [String: Gauge] = [:]
        var queued = 0
        var running = 0

        mutating func update(_ function: String, _ change: (inout Gauge) -> Void) {
            var gauge = gauges[function] ?? Gauge()
            let before = gauge
            change(&gauge)
            gauges[function] = gauge
            queued += gauge.queued - before.queued
            running += gauge.running - before.running
        }
    }

    private let state = Mutex(State())

    package init() {}

    package func start(from backlogs: [FunctionBacklog]) {
        for backlog in backlogs {
            update(backlog.function) { gauge in
                gauge.queued = backlog.queued
                gauge.running = backlog.running
                gauge.waiting = backlog.waiting
            }
        }
    }

    /// Takes a place in the queue, or says why there is none.
    func reserve(_ function: Function, deployment: Deployment) -> QueueFull? {
        state.withLock { state in
            let gauge = state.gauges[function.name] ?? Gauge()
            let seconds = max(1, Int64((gauge.attemptSeconds ?? 1).rounded(.up)))
            if gauge.queued >= function.limits.maxQueued {
                return QueueFull(scope: .function, limit: function.limits.maxQueued, retryAfter: seconds)
            }
            if state.queued >= deployment.maxQueued {
                return QueueFull(scope: .server, limit: deployment.maxQueued, retryAfter: seconds)
            }
            state.update(function.name) { $0.queued += 1 }
            return nil
        }
    }

    package func update(_ function: String, _ change: (inout Gauge) -> Void) {
        state.withLock { $0.update(function, change) }
    }

    func attemptEnded(_ function: String, after seconds: Double) {
        update(function) { gauge in
            gauge.attemptSeconds = gauge.attemptSeconds.map { $0 + (seconds - $0) / 16 } ?? seconds
        }
    }

    package var all: [String: Gauge] { state.withLock { $0.gauges } }

    package var totalRunning: Int { state.withLock { $0.running } }

    package subscript(function: String) -> Gauge { state.withLock { $0.gauges[function] ?? Gauge() } }
}
