package import JobModel
private import PayloadSchema

/// The simulated handlers: what the job types of the reference do, and a fault laboratory for clients.
package struct BuiltinHandler: Handler {
    private let builtin: Builtin
    private let clock: any EngineClock
    /// A number from 0 up to 1.
    private let random: @Sendable () -> Double

    package init(_ builtin: Builtin, clock: any EngineClock, random: @escaping @Sendable () -> Double) {
        self.builtin = builtin
        self.clock = clock
        self.random = random
    }

    package func run(_ call: HandlerCall) async -> Outcome {
        let fails = builtin.failureRate > 0 && random() < builtin.failureRate
        do {
            if fails, builtin.hang { try await clock.sleep(untilMonotonic: .max) }
            let duration = spreadDuration
            if duration > 0 { try await clock.sleep(untilMonotonic: clock.now().monotonic + duration) }
        } catch {
            return .failure(Outcome.Failure(error: "stopped"))
        }
        return fails ? .failure(simulatedFailure) : .success(value: value(for: call).bytes)
    }

    /// Milliseconds, evenly spread around the duration.
    private var spreadDuration: Int64 {
        let milliseconds = Double(builtin.duration.milliseconds)
        guard builtin.spread > 0 else { return builtin.duration.milliseconds }
        return Int64(milliseconds * (1 + builtin.spread * (2 * random() - 1)))
    }

    private var simulatedFailure: Outcome.Failure {
        Outcome.Failure(
            error: HTTPStatus(builtin.status).failure, statusCode: builtin.status,
            retryable: StatusRule.transient.contains { $0.matches(builtin.status) }, retryAfter: builtin.retryAfter)
    }

    private func value(for call: HandlerCall) -> JSONValue {
        switch builtin.kind {
        case .sendEmail:
            return ["sent": true, "timestamp": .string(clock.now().wall.description)]
        case .generateReport:
            let name = clock.now().wall.milliseconds
            return ["reportUrl": .string("https://example.com/reports/\(name).pdf")]
        case .resizeImage:
            let payload = call.job.payload.flatMap { try? JSONParser.parse($0) }
            func side(_ name: String, _ usual: Int64) -> JSONValue {
                if case .number? = payload?[name] { return payload?[name] ?? .null }
                return .integer(usual)
            }
            return ["resized": true, "width": side("width", 800), "height": side("height", 600)]
        case .echo:
            return ["processed": true, "type": .string(call.job.type)]
        }
    }
}
