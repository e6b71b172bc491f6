import JobModel
import PayloadSchema
import Testing

@testable import Dispatching

@Suite struct LimitKeysTests {
    private func source(
        _ payload: String = "{}", owner: String? = nil, client: String = "192.0.2.1"
    ) throws -> KeySource {
        KeySource(
            owner: owner, client: client, payload: try JSONParser.parse(payload), parameters: .object(JSONObject()))
    }

    private func key(_ path: String) throws -> LimitKey { .value(try #require(ValuePath(path))) }

    private func bounded(by key: LimitKey?) -> Function {
        DispatchWorld.function("f") {
            $0.limits.rate = [RateLimit(limit: 10, per: .seconds(60), key: key)]
            $0.limits.throttle = [Throttle(limit: 100, per: .seconds(1), burst: 20, key: key)]
            $0.limits.concurrency = [ConcurrencyLimit(limit: 5, key: key)]
        }
    }

    /// All that a job of the function counts by.
    private func keys(_ function: Function, _ source: KeySource) -> [Int64] {
        let keys = LimitKeys.of(function, source)
        return [keys.lane] + keys.throttle + keys.concurrency + LimitKeys.rate(function, source)
    }

    /// Computed apart from this code, as the first eight bytes of SHA-256 over netstring-like fields. They are stored:
    /// another value moves every queued job to another lane, or opens every rate window afresh.
    @Test func `Keys stay what they are in the store`() throws {
        let plain = DispatchWorld.function("f")
        let account = LimitKeys.of(plain, try source(owner: "alice"))
        #expect(account.lane == -1_342_652_780_679_214_789)
        #expect(account.account == 2_799_323_362_698_817_121)
        #expect(LimitKeys.of(plain, try source()).lane == 231_226_405_852_118_295)
        let tenant = try key("payload.tenant")
        let function = DispatchWorld.function("f") {
            $0.limits.rate = [RateLimit(limit: 10, per: .milliseconds(60_500), key: tenant)]
            $0.limits.throttle = [Throttle(limit: 100, per: .seconds(1), burst: 20, key: tenant)]
            $0.limits.concurrency = [ConcurrencyLimit(limit: 20), ConcurrencyLimit(limit: 5, key: .ip)]
        }
        let source = try source(#"{"tenant":{"id":1.0}}"#, client: "2001:db8:0:7::1")
        let keys = LimitKeys.of(function, source)
        #expect(keys.lane == -7_323_418_082_636_407_739)
        #expect(keys.throttle.count == 1)
        #expect(keys.concurrency == [3_998_066_744_207_016_081, -1_139_564_131_351_225_653])
        #expect(keys.caller == -2_249_271_885_223_352_674)
        #expect(LimitKeys.rate(function, source) == [3_378_847_619_750_533_640])
    }

    @Test func `Jobs that name targets of their own have a lane for each, and count by it`() throws {
        let function = DispatchWorld.function("f")
        func keys(_ url: String?) throws -> JobKeys {
            var job = Job(
                id: JobID(row: 1, random: 1), function: "f", owner: "alice", revision: "r",
                createdAt: Timestamp(milliseconds: 0))
            job.options.target = url.map { JobOptions.Target(url: $0) }
            let deployment = Deployment(revision: "r", functions: [function], concurrency: 8)
            return LimitKeys.of(job, try #require(deployment.policy(for: job)?.function))
        }
        let (none, a, b) = (try keys(nil), try keys("https://a.example/1"), try keys("https://b.example/1"))
        #expect(try keys("https://a.example/2") == a)
        #expect(Set([none.lane, a.lane, b.lane]).count == 3)
        #expect(none.target == nil && a.target != nil && a.target != b.target)
        // Nobody declares it: it has three quarters of the slots, if there is anybody else.
        let two = DispatchRules(
            Deployment(revision: "r", functions: [function, DispatchWorld.function("g")], concurrency: 8))
        #expect(two.targetLimit(a.target) == 6)
    }

    @Test(arguments: [
        ["1", "1.0", "1e0"], [#"{"a":1,"b":2}"#, #"{ "b": 2.0, "a": 1 }"#], [#""A""#, #""\u0041""#],
        // RFC 8785 knows doubles only: digits that one cannot hold make no key of their own.
        ["9007199254740993", "9007199254740992"],
    ])
    func `Values that mean the same are one key`(_ values: [String]) throws {
        let function = bounded(by: try key("payload.tenant"))
        let all = try values.map { keys(function, try source("{\"tenant\":\($0)}")) }
        #expect(Set(all).count == 1)
    }

    @Test func `Values that mean something else are other keys, and so is a missing one`() throws {
        let function = bounded(by: try key("payload.t"))
        let payloads =
            ["1", #""1""#, "null", #""null""#, #""""#, "[]", "{}", "true", "2", #""\u00e9""#, #""e\u0301""#].map {
                "{\"t\":\($0)}"
            } + [#"{"T":1}"#]
        let all = try payloads.map { keys(function, try source($0)) }
        for index in 0..<4 { #expect(Set(all.map { $0[index] }).count == payloads.count) }
        #expect(try keys(function, source("{}")) == keys(function, source(#"{"T":1}"#)))
    }

    @Test func `A name that Unicode holds for the key's does not count as it`() throws {
        let function = bounded(by: try key("payload.Key"))
        let kelvin = try keys(function, source(#"{"\u212aey":1}"#))
        #expect(try kelvin == keys(function, source("{}")))
        #expect(try kelvin != keys(function, source(#"{"Key":1}"#)))
    }

    @Test func `Keys of paths that hold the same value are not one another's`() throws {
        let source = try source(#"{"a":1,"b":1}"#)
        let (a, b) = (keys(bounded(by: try key("payload.a")), source), keys(bounded(by: try key("payload.b")), source))
        #expect(Set(a + b).count == 8)
    }

    @Test(arguments: [
        ("192.0.2.1", "192.0.2.1", true), ("192.0.2.1", "192.0.2.2", false),
        ("2001:db8:0:7::1", "2001:db8:0:7:ffff::2", true), ("2001:db8:0:7::1", "2001:db8:0:8::1", false),
        ("::ffff:192.0.2.1", "192.0.2.1", true), ("192.0.2.1", "::", false), ("192.0.2.1", "", false),
        ("@socket", "@socket", true), ("@socket", "@other", false), ("@socket", "", false),
    ])
    func `Callers without credentials are told apart by address, IPv6 by its first 64 bits`(
        _ one: String, _ other: String, _ isOne: Bool
    ) throws {
        for function in [DispatchWorld.function("f"), bounded(by: .ip), bounded(by: .account)] {
            let (left, right) = (try source(client: one), try source(client: other))
            #expect((keys(function, left)[0] == keys(function, right)[0]) == isOne)
            #expect((LimitKeys.of(function, left).caller == LimitKeys.of(function, right).caller) == isOne)
            guard !function.limits.concurrency.isEmpty else { continue }
            #expect((keys(function, left) == keys(function, right)) == isOne)
        }
    }

    @Test func `An account has one lane wherever it calls from, and is no caller without credentials`() throws {
        let function = DispatchWorld.function("f")
        let home = LimitKeys.of(function, try source(owner: "alice", client: "192.0.2.1"))
        #expect(try home == LimitKeys.of(function, source(owner: "alice", client: "192.0.2.2")))
        #expect(try home.lane != LimitKeys.of(function, source(owner: "bob", client: "192.0.2.1")).lane)
        #expect(try home.lane != LimitKeys.of(function, source(client: "192.0.2.1")).lane)
        #expect(home.account != nil)
        #expect(home.caller == nil)
        // An account counts by itself where others count by address; by address it counts like all.
        for (key, isApart) in [(LimitKey.account, true), (.ip, false)] {
            let bounded = bounded(by: key)
            let account = LimitKeys.rate(bounded, try source(owner: "alice"))
            #expect((account != LimitKeys.rate(bounded, try source())) == isApart)
        }
    }

    @Test func `The admin has a lane and counts in no limit of accounts or addresses`() throws {
        let keys = LimitKeys.of(DispatchWorld.function("f"), try source(owner: Job.adminOwner))
        #expect(keys.lane != 0)
        #expect(keys.account == nil)
        #expect(keys.caller == nil)
    }

    @Test func `Jobs that nobody called for share lane 0 where no limit tells them apart`() throws {
        let nobody = try source(#"{"t":1}"#, client: "")
        let keys = LimitKeys.of(DispatchWorld.function("f"), nobody)
        #expect(keys.lane == 0)
        #expect(keys.caller == nil)
        #expect(LimitKeys.of(bounded(by: nil), nobody).lane == 0)
        #expect(LimitKeys.of(bounded(by: try key("payload.t")), nobody).lane != 0)
    }

    @Test func `An account counts the same in every function, an address too, and keys of limits do not`() throws {
        let tenant = try key("payload.t")
        let functions = ["f", "g"].map { name in
            DispatchWorld.function(name) { $0.limits.concurrency = [ConcurrencyLimit(limit: 5, key: tenant)] }
        }
        for owner in ["alice", nil] {
            let keys = try functions.map { LimitKeys.of($0, try source(#"{"t":1}"#, owner: owner)) }
            #expect(keys[0].account == keys[1].account)
            #expect(keys[0].caller == keys[1].caller)
            #expect(keys[0].concurrency != keys[1].concurrency)
        }
    }

    @Test func `A changed rule opens new windows, but what has started still counts under changed limits`() throws {
        let source = try source()
        let before = bounded(by: .ip)
        func changed(_ change: (inout FunctionLimits) -> Void) -> Function {
            var function = before
            change(&function.limits)
            return function
        }
        let rate = LimitKeys.rate(before, source)
        #expect(LimitKeys.rate(changed { $0.rate[0].limit = 11 }, source) != rate)
        #expect(LimitKeys.rate(changed { $0.rate[0].per = .milliseconds(60_001) }, source) != rate)
        let keys = LimitKeys.of(before, source)
        #expect(LimitKeys.of(changed { $0.throttle[0].limit = 11 }, source) == keys)
        #expect(LimitKeys.of(changed { $0.throttle[0].per = .seconds(2) }, source) == keys)
        #expect(LimitKeys.of(changed { $0.throttle[0].burst = 21 }, source) == keys)
        #expect(LimitKeys.of(changed { $0.concurrency[0].limit = 6 }, source) == keys)
    }

    @Test func `Only keys tell lanes apart: neither unkeyed rules nor a second rule with the same key do`() throws {
        let tenant = try key("payload.t")
        let source = try source(#"{"t":1}"#)
        func lane(_ concurrency: [ConcurrencyLimit], _ throttle: [Throttle] = []) -> Int64 {
            LimitKeys.of(
                DispatchWorld.function("f") {
                    $0.limits.concurrency = concurrency
                    $0.limits.throttle = throttle
                }, source
            ).lane
        }
        let keyed = ConcurrencyLimit(limit: 5, key: tenant)
        #expect(lane([]) == lane([ConcurrencyLimit(limit: 20)]))
        #expect(lane([]) != lane([keyed]))
        #expect(lane([keyed]) == lane([ConcurrencyLimit(limit: 20), keyed]))
        #expect(lane([keyed]) == lane([keyed], [Throttle(limit: 1, per: .seconds(1), key: tenant)]))
        #expect(lane([keyed]) != lane([keyed, ConcurrencyLimit(limit: 5, key: .ip)]))
    }

    @Test(arguments: [nil, "alice"])
    func `A stored job has the keys that its call had`(_ owner: String?) throws {
        let function = bounded(by: try key("payload.t"))
        let payload = #"{"t":[1.0]}"#
        let job = Job(
            id: JobID(row: 1, random: 1), function: function.name, owner: owner, client: "2001:db8::1", revision: "r",
            createdAt: Timestamp(milliseconds: 0), payload: Array(payload.utf8))
        let called = LimitKeys.of(function, try source(payload, owner: owner, client: "2001:db8::2"))
        #expect(LimitKeys.of(job, function) == called)
    }

    @Test(arguments: ["127.0.0.1", "127.8.9.10", "::1"])
    func `Loopback is not a stranger: it has a lane and counts in no limit of strangers`(_ client: String) throws {
        let keys = LimitKeys.of(DispatchWorld.function("f"), try source(client: client))
        #expect(keys.lane != 0)
        #expect(keys.caller == nil)
    }
}
