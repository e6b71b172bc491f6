internal import HTTPSupport
internal import JobEngine
internal import JobModel
internal import JobStore
internal import NIOHTTP1

/// A status as server-sent events (WHATWG HTML, "server-sent events"): one event a change, the present state first, until
/// the job has ended, the time of a stream is over or the server shuts down.
///
/// An event is written when the client has taken the one before: whoever reads slowly misses states in between, and holds no
/// memory.
final class EventStream: @unchecked Sendable {  // Used on its exchange's event loop only.
    private static let keepAliveMilliseconds: Int64 = 15_000

    private let engine: JobEngine
    private let page: StatusPage
    private let target: StatusTarget
    private let exchange: HTTPExchange
    private let end: Int64
    private var shown: JobLookup.Stage?
    private var hasBegun = false

    static func start(_ engine: JobEngine, _ page: StatusPage, _ target: StatusTarget, _ exchange: HTTPExchange) {
        guard exchange.hold() else { return exchange.refuseHold() }
        EventStream(engine, page, target, exchange).look()
    }

    private init(_ engine: JobEngine, _ page: StatusPage, _ target: StatusTarget, _ exchange: HTTPExchange) {
        self.engine = engine
        self.page = page
        self.target = target
        self.exchange = exchange
        end = exchange.now + HTTPLimits.streamMilliseconds
    }

    private func look() {
        StatusLook.look(engine, exchange, at: target.id, as: target.viewer, StatusPage.parts) { [self] lookup in
            do {
                tell(try target.check(try lookup.get()))
            } catch {
                // After the head nobody can be told: it ends, and the client comes again and sees.
                if hasBegun { exchange.end() } else { exchange.fail(error) }
            }
        }
    }

    private func tell(_ job: JobSnapshot) {
        let stage = JobLookup.found(job).stage
        if !hasBegun {
            hasBegun = true
            exchange.begin(
                ServerResponse(
                    status: 200, headers: ["Content-Type": "text/event-stream", "Cache-Control": "no-store"]))
        }
        let bytes = stage == shown ? Array(": still here\n\n".utf8) : event(job)
        shown = stage
        exchange.write(bytes) { [self] result in
            guard case .success = result else { return }
            if job.state.isTerminal || exchange.now >= end { exchange.end() } else { wait(stage) }
        }
    }

    private func wait(_ stage: JobLookup.Stage?) {
        JobWait.start(
            engine, exchange, for: target.id, as: target.viewer,
            milliseconds: min(Self.keepAliveMilliseconds, max(1, end - exchange.now)),
            until: { $0.stage != stage },
            then: { [self] reason in
                switch reason {
                case .changed, .timeUp: look()
                case .gone, .draining, .failed: exchange.end()
                }
            })
    }

    /// A line break ends a field of an event. JSON has none inside a string, and between its tokens none is needed.
    private func event(_ job: JobSnapshot) -> [UInt8] {
        let name = StatusName(job.state, failure: job.failure)
        var bytes = Array("event: \(name.rawValue)\ndata: ".utf8)
        bytes += page.body(of: job, name).filter { $0 != 0x0A && $0 != 0x0D }
        bytes += Array("\n\n".utf8)
        return bytes
    }
}
