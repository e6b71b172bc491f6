import JobModel
import PayloadSchema
import Testing

@Suite struct RetryPolicyTests {
    private func policy(_ change: (inout RetryPolicy) -> Void) -> RetryPolicy {
        var policy = RetryPolicy()
        change(&policy)
        return policy
    }

    @Test func `Exponential, linear and fixed backoff grow as they are called`() {
        func delays(_ backoff: RetryPolicy.Backoff) -> [Int64] {
            let policy = policy { $0.backoff = backoff }
            return (1...4).map { policy.plannedDelay(afterFailures: $0).milliseconds }
        }
        #expect(delays(.exponential) == [2000, 4000, 8000, 16_000])
        #expect(delays(.linear) == [2000, 4000, 6000, 8000])
        #expect(delays(.fixed) == [2000, 2000, 2000, 2000])
    }

    @Test func `No delay is longer than maxDelay, however many failures`() {
        let policy = policy { $0.maxDelay = .seconds(10) }
        for failures in [4, 100, 100_000] {
            #expect(policy.plannedDelay(afterFailures: failures) == .seconds(10))
        }
    }

    @Test func `A table's last value repeats`() {
        let policy = policy { $0.delays = [.seconds(5), .seconds(60)] }
        #expect(
            (1...4).map { policy.plannedDelay(afterFailures: $0) } == [
                .seconds(5), .seconds(60), .seconds(60), .seconds(60),
            ])
    }

    @Test(arguments: RetryPolicy.Jitter.allCases)
    func `Jitter stays within its bounds and uses them`(_ jitter: RetryPolicy.Jitter) {
        var generator = Mixer(state: 9)
        let policy = policy { $0.jitter = jitter }
        let drawn = (0..<2000).map { _ in policy.delay(afterFailures: 2, using: &generator).milliseconds }
        let bounds: ClosedRange<Int64> =
            switch jitter {
            case .none: 4000...4000
            case .equal: 2000...4000
            case .full: 0...4000
            }
        #expect(drawn.allSatisfy(bounds.contains))
        #expect((drawn.min() ?? 0) <= bounds.lowerBound + 20)
        #expect((drawn.max() ?? 0) >= bounds.upperBound - 20)
    }
}

@Suite struct DecisionTests {
    private let now = Timestamp(milliseconds: 1_000_000)

    private func decide(
        _ outcome: Outcome, used: Int = 0, lost: Int = 0, attempts: Int = 3
    ) -> Decision {
        var generator = Mixer(state: 1)
        var policy = RetryPolicy()
        policy.attempts = attempts
        policy.jitter = .none
        return Decision.make(
            of: outcome, progress: JobProgress(run: 1, attempt: used + lost + 1, used: used, lost: lost),
            policy: policy, now: now, using: &generator)
    }

    @Test func `Success completes with the value`() {
        let decision = decide(.success(value: [0x31]), used: 1)
        #expect(decision.next == .end(Ending(.completed, value: [0x31])))
        #expect(decision.progress.used == 2)
        #expect(decision.progress.retryCount == 1)
        #expect(decision.result == .completed)
    }

    @Test func `A failure is retried while attempts are left, and a dead letter then`() {
        let failure = Outcome.failure(.init(error: "no", statusCode: 500))
        let first = decide(failure)
        #expect(first.next == .queue(at: now + .seconds(2)))
        #expect(first.progress.lastError == "no")
        #expect(first.statusCode == 500)
        #expect(decide(failure, used: 1).next == .queue(at: now + .seconds(4)))
        #expect(decide(failure, used: 2).next == .end(Ending(.failed, failure: .exhausted)))
        #expect(decide(failure, attempts: 1).next == .end(Ending(.failed, failure: .exhausted)))
    }

    @Test func `What cannot be helped by trying again fails for good`() {
        let decision = decide(.failure(.init(error: "no", retryable: false)))
        #expect(decision.next == .end(Ending(.failed, failure: .permanent)))
    }

    @Test func `Retry-After lengthens the policy's delay up to a day, and never shortens it`() {
        func next(_ after: Duration) -> Decision.Next { decide(.failure(.init(error: "no", retryAfter: after))).next }
        #expect(next(.seconds(7)) == .queue(at: now + .seconds(7)))
        // The policy says two seconds.
        for short in [Duration.milliseconds(1999), .seconds(1), .zero, .seconds(-7), .seconds(Int64.min)] {
            #expect(next(short) == .queue(at: now + .seconds(2)), "\(short)")
        }
        #expect(next(.seconds(86_400)) == .queue(at: now + .seconds(86_400)))
        for long in [Duration.seconds(86_401), .seconds(1_000_000), .seconds(Int64.max)] {
            #expect(next(long) == .queue(at: now + .seconds(86_400)), "\(long)")
        }
    }

    @Test func `A timeout is a failure that is tried again`() {
        let decision = decide(.timedOut(after: .seconds(10)))
        #expect(decision.result == .timeout)
        #expect(decision.error == "timed out after 10s")
        #expect(decision.next == .queue(at: now + .seconds(2)))
        #expect(decide(.timedOut(after: .seconds(10)), used: 2).next == .end(Ending(.failed, failure: .exhausted)))
    }

    @Test func `Past maxWait the job times out, cancelled it is cancelled`() {
        #expect(decide(.expired).next == .end(Ending(.timeout)))
        #expect(decide(.cancelled).next == .end(Ending(.cancelled)))
    }

    @Test func `Released attempts keep no number and use nothing`() {
        let decision = decide(.released, used: 1)
        #expect(decision.next == .queue(at: now))
        #expect(decision.result == nil)
        #expect(decision.progress.attempt == 1)
        #expect(decision.progress.used == 1)
    }

    @Test func `Lost attempts use no budget, and the third ends the job`() {
        let first = decide(.lost, used: 1)
        #expect(first.next == .queue(at: now))
        #expect(first.result == .lost)
        #expect(first.progress.used == 1)
        #expect(first.progress.lost == 1)
        let third = decide(.lost, lost: 2)
        #expect(third.next == .end(Ending(.failed, failure: .permanent)))
        #expect(third.progress.lastError == "server stopped 3 times while it ran")
    }

    @Test func `Long error texts are cut between characters`() {
        let decision = decide(.failure(.init(error: String(repeating: "é", count: 5000))))
        #expect(decision.error?.utf8.count == 4096)
        #expect("aé".limited(toBytes: 2) == "a")
        #expect("😀😀".limited(toBytes: 7) == "😀")
    }

    @Test func `However outcomes come, a run never uses more than its budget and always ends`() {
        var generator = Mixer(state: 5)
        let outcomes: [Outcome] = [
            .failure(.init(error: "x")), .timedOut(after: .seconds(1)), .lost, .released,
            .failure(.init(error: "y", retryAfter: .seconds(1))),
        ]
        for _ in 0..<500 {
            var policy = RetryPolicy()
            policy.attempts = Int.random(in: 1...6, using: &generator)
            var progress = JobProgress()
            var ended = false
            for _ in 0..<100 where !ended {
                progress.attempt += 1
                let outcome = outcomes.randomElement(using: &generator) ?? .lost
                let decision = Decision.make(
                    of: outcome, progress: progress, policy: policy, now: now, using: &generator)
                progress = decision.progress
                if case .end = decision.next { ended = true }
            }
            #expect(ended)
            #expect(progress.used <= policy.attempts)
            #expect(progress.lost <= 3)
        }
    }
}

@Suite struct TemplateTests {
    @Test func `References are filled in and percent-encoded, but for one that opens the template`() throws {
        let values = TemplateValues(
            payload: ["a": ["b": "x y/ü"], "n": 5], parameters: ["id": "../.."],
            result: ["url": "https://example.com/?a=b"])
        #expect(try Template("/p/{payload.a.b}/{payload.n}").url(values) == "/p/x%20y%2F%C3%BC/5")
        #expect(try Template("{result.url}").url(values) == "https://example.com/?a=b")
        #expect(try Template("/q?u={result.url}").url(values) == "/q?u=https%3A%2F%2Fexample.com%2F%3Fa%3Db")
        #expect(try Template("/{parameters.id}").url(values) == "/..%2F..")
        #expect(try Template("/{{x}}").url(values) == "/{x}")
        #expect(try Template("/{payload.missing}").url(values) == nil)
        #expect(try Template("/{payload.a}").url(values) == nil)
    }

    @Test(arguments: [
        ("https://h/t/{payload.a}/o", "..", false), ("https://h/t/{payload.a}", ".", false),
        ("https://h/{payload.a}?q=1", "..", false), ("https://h/.{payload.a}/o", ".", false),
        ("https://h/{payload.a}{payload.a}", ".", false), ("https://h/..{payload.a}", "", false),
        ("https://h/{payload.a}#f", "..", false), ("https://h/t/{payload.a}/o", "...", true),
        ("https://h/t/{payload.a}/o", "..x", true), ("https://h/t/{payload.a}/o", "", true),
        ("https://h/v{payload.a}", "..", true), ("https://h/t?d={payload.a}", "..", true),
        ("https://h/t?d=/{payload.a}", "..", true), ("https://h/../{payload.a}", "x", true),
    ])
    func `No value leads to another path`(_ template: String, _ value: String, _ isURL: Bool) throws {
        let url = try Template(template).url(TemplateValues(payload: ["a": .string(value)]))
        #expect((url != nil) == isURL, "\(url ?? "none")")
    }

    @Test(arguments: [
        "http://h:0/", "http://h:+80/", "http://h:8\u{301}/", "http:/h", "http://", "http://h:65536/",
        "http://h:99999/", "http://h:x/", "http://h:/", "http://[::1]:70000/",
        "http://u@h/",
        "http:///x", "http://:80/", "ftp://h/", "http://[fe80::1%25eth0]/", "http://exampl%65.com/",
        #"http://user\@h/"#,
        #"http://h/\a"#,
    ])
    func `What can never be sent is not a webhook's URL`(_ url: String) { #expect(!WebhookURL.isValid(url)) }

    @Test(arguments: ["HTTP://h/", "https://h:65535/a", "http://[::1]/", "http://[::1]:80/", "http://h/%41"])
    func `These may be`(_ url: String) { #expect(WebhookURL.isValid(url)) }

    @Test(arguments: ["{", "{payload", "{other.a}", "{payload..a}", "{}", "{ payload.a }"])
    func `Broken templates are refused`(_ text: String) {
        #expect(throws: Template.Problem.self) { try Template(text) }
    }
}

@Suite struct PathPatternTests {
    @Test func `Segments are literals or parameters`() throws {
        let pattern = try PathPattern("emails/{userId}/v1.0~x_y-z")
        #expect(pattern.segments == [.literal("emails"), .parameter("userId"), .literal("v1.0~x_y-z")])
        #expect(pattern.description == "emails/{userId}/v1.0~x_y-z")
    }

    @Test(arguments: ["", "/a", "a/", "a//b", "a/../b", ".", "a b", "a/{}", "a/{x-y}", "{x}/{x}", "ä", "a%20b", "a{x}"])
    func `Others are refused`(_ text: String) {
        #expect(throws: PathPattern.Problem.self) { try PathPattern(text) }
    }

    @Test func `Patterns clash when they match the same paths`() throws {
        #expect(try PathPattern("a/{x}").clashes(with: PathPattern("a/{y}")))
        #expect(try !PathPattern("a/{x}").clashes(with: PathPattern("a/b")))
        #expect(try !PathPattern("a").clashes(with: PathPattern("a/b")))
    }
}

@Suite struct NetworkRangeTests {
    @Test(arguments: [
        ("10.0.0.0/8", "10.255.0.1", true), ("10.0.0.0/8", "11.0.0.1", false), ("127.0.0.1", "127.0.0.1", true),
        ("127.0.0.1", "127.0.0.2", false), ("fd00::/8", "fdff::1", true), ("fd00::/8", "fe00::1", false),
        ("0.0.0.0/0", "8.8.8.8", true), ("0.0.0.0/0", "::1", false), ("::/0", "8.8.8.8", true),
        ("192.168.1.128/25", "192.168.1.127", false), ("::ffff:10.0.0.0/104", "10.1.2.3", true),
    ])
    func `A range contains its addresses`(_ range: String, _ address: String, _ contains: Bool) throws {
        #expect(try #require(NetworkRange(range)).contains(#require(IPAddress(address))) == contains)
    }

    @Test(arguments: ["", "10.0.0.0/33", "10.0.0/8", "::/129", "10.0.0.0/-1", "10.0.0.0/x", "host", "10.0.0.0/"])
    func `What is no range is none`(_ text: String) {
        #expect(NetworkRange(text) == nil)
    }

    @Test func `Addresses are written in their usual form`() {
        #expect(IPAddress("::ffff:127.0.0.1")?.description == "127.0.0.1")
        #expect(IPAddress("2001:DB8:0:0::1")?.description == "2001:db8::1")
        #expect(IPAddress("127.9.9.9")?.isLoopback == true)
        #expect(IPAddress("::1")?.isLoopback == true)
        #expect(IPAddress("10.0.0.1")?.isLoopback == false)
    }
}
