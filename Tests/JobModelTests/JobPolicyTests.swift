import JobModel
import Testing

/// One place says what is done with a job.
@Suite struct JobPolicyTests {
    private static func deployment(_ names: [String]) -> Deployment {
        Deployment(
            revision: "r",
            functions: names.map { name in
                var function = Function(
                    name: name, handler: .builtin(Builtin(kind: .echo)),
                    endpoint: Endpoint(path: PathPattern(literals: [name])))
                function.timeout = .seconds(30)
                function.maxWait = .seconds(600)
                function.retry.attempts = 4
                return function
            }, concurrency: 4)
    }

    private static func job(_ function: String, _ change: (inout JobOptions) -> Void = { _ in }) -> Job {
        var options = JobOptions()
        change(&options)
        return Job(
            id: JobID(row: 1, random: 1), function: function, revision: "r", createdAt: Timestamp(milliseconds: 0),
            options: options)
    }

    @Test func `A job goes by its unit of execution, whatever its type`() throws {
        var job = Self.job("f")
        job.type = "g"
        let policy = try #require(Self.deployment(["f", "g"]).policy(for: job))
        #expect(policy.function.name == "f" && policy.isDeclared && policy.declared?.name == "f")
        #expect(Self.deployment(["g"]).policy(for: job) == nil)
    }

    @Test func `A unit that was removed is known, and starts nothing`() throws {
        let next = Self.deployment([]).succeeding(Self.deployment(["f"]))
        let policy = try #require(next.policy(for: Self.job("f")))
        #expect(policy.function.name == "f" && !policy.isDeclared && policy.declared == nil)
        #expect(next.functions.isEmpty && next.knownNames == ["f"])
        let back = Self.deployment(["f"]).succeeding(next)
        #expect(back.policy(for: Self.job("f"))?.isDeclared == true)
    }

    @Test func `What a caller sets lowers what is declared, and never raises it`() throws {
        let deployment = Self.deployment(["f"])
        let lower = try #require(
            deployment.policy(
                for: Self.job("f") {
                    $0.timeout = .seconds(1)
                    $0.maxRetries = 0
                    $0.maxWait = .seconds(60)
                })
        ).function
        #expect(lower.timeout == .seconds(1) && lower.retry.attempts == 1 && lower.maxWait == .seconds(60))
        let higher = try #require(
            deployment.policy(
                for: Self.job("f") {
                    $0.timeout = .seconds(31)
                    $0.maxRetries = .max
                    $0.maxWait = .seconds(601)
                })
        ).function
        #expect(higher == deployment.policy(of: "f")?.function)
        #expect(deployment.policy(for: Self.job("f") { $0.maxRetries = -1 })?.function.retry.attempts == 1)
    }

    @Test func `A caller's own target replaces the handler, taken literally`() throws {
        let policy = try #require(
            Self.deployment(["f"]).policy(
                for: Self.job("f") {
                    $0.target = JobOptions.Target(
                        url: "http://localhost:1/{payload.x}", method: "PUT",
                        headers: [HeaderField(name: "X-A", value: "{{")])
                }))
        guard case .http(let target) = policy.function.handler else {
            Issue.record("\(policy.function.handler)")
            return
        }
        #expect(target.isOfCaller && target.method == "PUT" && target.origin.description == "http://localhost:1")
        #expect(target.url.pieces == [.literal("http://localhost:1/{payload.x}")])
        #expect(target.headers.first?.value.pieces == [.literal("{{")])
    }
}
