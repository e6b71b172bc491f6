import Handlers
import JobModel
import PayloadSchema
import Synchronization
import Testing

/// Time that passes when somebody sleeps.
final class SleepingClock: EngineClock {
    private let milliseconds = Mutex<Int64>(1_000_000)

    func now() -> Moment {
        let now = milliseconds.withLock { $0 }
        return Moment(wall: Timestamp(milliseconds: 1_779_184_800_000 + now - 1_000_000), monotonic: now)
    }

    func sleep(untilMonotonic limit: Int64) async throws {
        if limit == .max { throw CancellationError() }
        milliseconds.withLock { $0 = max($0, limit) }
    }

    /// No handler sets one.
    func alarm(atMonotonic milliseconds: Int64, _ ring: @escaping @Sendable () -> Void) -> AlarmID { AlarmID(0) }

    func dismiss(_ id: AlarmID) {}
}

@Suite struct BuiltinHandlerTests {
    let clock = SleepingClock()

    private func run(
        _ kind: Builtin.Kind, payload: String? = nil, random: Double = 0.5, _ change: (inout Builtin) -> Void = { _ in }
    ) async -> Outcome {
        var builtin = Builtin(kind: kind)
        change(&builtin)
        let job = Job(
            id: JobID(row: 1, random: 1), function: "mine", revision: "", createdAt: clock.now().wall,
            payload: payload.map { Array($0.utf8) })
        let handler = BuiltinHandler(builtin, clock: clock, random: { random })
        return await handler.run(HandlerCall(job: job, attempt: 1, run: 1, deadline: clock.now().wall))
    }

    private func value(_ text: String) -> Outcome { .success(value: Array(text.utf8)) }

    @Test func `Each built-in takes its usual time and answers as the reference does`() async {
        #expect(await run(.sendEmail) == value(#"{"sent":true,"timestamp":"2026-05-19T10:00:02.000Z"}"#))
        #expect(
            await run(.generateReport)
                == value(#"{"reportUrl":"https://example.com/reports/1779184807000.pdf"}"#))
        #expect(await run(.resizeImage) == value(#"{"resized":true,"width":800,"height":600}"#))
        #expect(await run(.echo) == value(#"{"processed":true,"type":"mine"}"#))
        #expect(clock.now().monotonic == 1_011_000)
    }

    @Test func `resize-image takes its size from the payload`() async {
        #expect(
            await run(.resizeImage, payload: #"{"width":10,"height":"tall"}"#)
                == value(#"{"resized":true,"width":10,"height":600}"#))
        #expect(await run(.resizeImage, payload: "[]") == value(#"{"resized":true,"width":800,"height":600}"#))
    }

    @Test(arguments: [(0.0, 800), (0.5, 1000), (0.999999, 1199)])
    func `Spread makes it shorter or longer`(_ random: Double, _ expected: Int64) async {
        _ = await run(.echo, random: random) { $0.spread = 0.2 }
        #expect(clock.now().monotonic - 1_000_000 == expected)
    }

    @Test func `A share of the attempts fails, with the status and Retry-After that were asked for`() async {
        let failure = Outcome.failure(
            .init(
                error: "Server error: HTTP 503 - Service Unavailable", statusCode: 503, retryAfter: .seconds(5)))
        let change: (inout Builtin) -> Void = {
            $0.failureRate = 0.3
            $0.status = 503
            $0.retryAfter = .seconds(5)
        }
        #expect(await run(.echo, random: 0.29, change) == failure)
        #expect(await run(.echo, random: 0.3, change) == value(#"{"processed":true,"type":"mine"}"#))
    }

    @Test(arguments: [(400, false), (408, true), (422, false), (425, true), (429, true), (500, true), (599, true)])
    func `Only some statuses are worth another try`(_ status: Int, _ retryable: Bool) async {
        let outcome = await run(.echo) {
            $0.failureRate = 1
            $0.status = status
        }
        guard case .failure(let failure) = outcome else {
            Issue.record("it did not fail")
            return
        }
        #expect(failure.retryable == retryable)
        #expect(failure.statusCode == status)
    }

    @Test func `A hanging attempt ends when it is stopped`() async {
        let outcome = await run(.echo) {
            $0.failureRate = 1
            $0.hang = true
        }
        guard case .failure = outcome else {
            Issue.record("it did not hang")
            return
        }
    }
}
