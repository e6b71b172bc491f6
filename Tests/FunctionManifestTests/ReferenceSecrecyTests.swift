import Foundation
import FunctionManifest
import JobModel
import Testing

/// What a reference stands for is told nowhere: not where it is right, not where it is wrong, and not where it changes.
@Suite struct ReferenceSecrecyTests {
    /// Every key that is read, with a value that is right, one to a line where it can be.
    private static let wide = """
        version: 1
        server:
          basePath: /api/v2
          concurrency: 12
          maxPayload: 3MiB
          maxQueued: 77
          shutdownGrace: 3s
          trustedProxies: [10.0.0.0/8, 10.1.0.0/16]
          cors: {origins: ["https://app.example"]}
          hosts: [a.example, b.example]
        defaults:
          timeout: 3s
          maxWait: 3h
          maxQueued: 33
          retry: {attempts: 3, backoff: linear, delay: 3s, factor: 3, maxDelay: 3m, jitter: none}
          retention: {completed: 3h, failed: 3h, tombstone: 3h}
        accounts: {registration: closed, concurrency: 3, maxQueued: 3}
        anonymous: {concurrency: 3, maxQueued: 3, maxDelay: 3h}
        tasksAPI: {adHocTargets: false, max: {timeout: 3m, retries: 3, delay: 3d, priority: 3}}
        jobsAPI: {rateLimit: {limit: 3, per: 3m, key: account}}
        webhooks:
          retry: {attempts: 3, delays: [3s, 4s], jitter: none}
          timeout: 3s
          headerPrefix: X-Acme
        egress: {allow: [10.0.0.0/8, hooks.example]}
        functions:
          plain:
            summary: words
            handler: {builtin: echo, simulate: {duration: 3s, spread: 0.3, failureRate: 0.3, status: 503, hang: false, retryAfter: 3s}}
            endpoint:
              method: PUT
              path: a/{b}
              mode: sync
              auth: required
              statusCodes: {failed: 422, deadLetter: 502}
              redirect: {completed: "{result.u}", failed: "/f", pending: "/p"}
              pollAfter: 3s
              callerWebhook: false
            timeout: 3s
            maxWait: 3h
            retry: {attempts: 3, delays: [3s, 4s]}
            retention: {completed: 30h, failed: 30h, tombstone: 3h}
            idempotency: {key: payload.a, window: 3h}
            rateLimit: [{limit: 3, per: 3m, key: account}, {limit: 4, per: 4m}]
            throttle: {limit: 3, per: 3s, burst: 3, key: payload.a}
            concurrency: [3, {limit: 4, key: payload.b}]
            maxQueued: 3
            priority: 3
            delay: 3s
            paused: false
            onComplete: {url: "https://hooks.example/x", secret: whsec_c2VjcmV0, events: [failed, timeout]}
          called:
            handler:
              http:
                url: "https://target.example/x/{payload.a}"
                method: PUT
                headers: {Authorization: Bearer, X-Other: "{payload.a}"}
                forwardHeaders: [Accept-Language, X-A]
                successOn: [2xx, 404]
                retryOn: [5xx, 429, network]
                honourRetryAfter: true
                passRedirect: false
                secret: whsec_c2VjcmV0
            endpoint: {redirect: "{result.u}", path: "c"}
        fallback:
          handler: {command: {run: [a, b], lifetime: persistent, workers: 3, env: {A: b}, limits: {memory: 3GiB, cpuTime: 3s, openFiles: 33}}}
          schema: {payload: true}
          schedules: [{cron: "0 3 * * *", timeZone: Europe/Berlin, overlap: skip}]
          waitForSignal: false
        """

    /// What a reference stands for, and what must then not be seen: values that are right somewhere, and some that are
    /// right nowhere.
    private static let values: [(value: String, forms: [String])] = [
        ("s3cr3t-mark", ["s3cr3t"]), ("S3CR3T mark\nand a second l1ne", ["s3cr3t", "l1ne"]), ("", []),
        ("73191", ["73191"]), ("97", ["97"]), ("-97", ["97"]), ("417", ["417"]), ("0.7319", ["0.7319"]),
        ("73191s", ["73191"]), ("73191ms", ["73191"]), ("9999999999999999999s", ["99999"]),
        ("717KiB", ["717", "734208"]), ("717MiB", ["717", "751828992"]), ("203.0.113.0/24", ["203.0"]),
        ("203.0.113.9/24", ["203.0"]),
        ("https://s3cr3t.example/s3cr3t?s3cr3t", ["s3cr3t"]), ("https://s3cr3t.example", ["s3cr3t"]),
        ("{payload.s3cr3t}", ["s3cr3t"]), ("payload.s3cr3t", ["s3cr3t"]), ("/s3cr3t/{s3cr3t}", ["s3cr3t"]), ("yes", []),
        ("exponental", ["exponental", "exponential\"?"]), ("417xx", ["417"]), ("4xx", ["4xx\""]),
    ]

    /// How a reference stands in a value.
    private static let shapes = [
        "\"${MARK}\"", "${MARK}", "\"a${MARK}b\"", "\"${file:mark}\"", "\"{payload.${MARK}}\"", "\"{${MARK}}\"",
        "\"https://${MARK}/\"", "\"https://u:${MARK}@h.example/\"", "\"https://h.example/${MARK}?k=${MARK}\"",
        "\"${MARK}ms\"", "\"/${MARK}\"", "\"${NONE:-${MARK}}\"",
    ]

    private static var samples: [String] {
        let path = URL(fileURLWithPath: #filePath).appendingPathComponent("../../../functions.yaml").standardized
        return [wide, (try? String(contentsOf: path, encoding: .utf8)) ?? ""]
    }

    /// Where the values of a text stand.
    private static func places(_ text: String) -> [Range<String.Index>] {
        text.matches(of: /(?:: |\[|, |\{)("[^"]*"|[^\s"{}\[\],#:]+)(?=[\s,}\]])/).map {
            $0.output.1.startIndex..<$0.output.1.endIndex
        }
    }

    /// With every value replaced at once, for what is said of mistakes.
    private static func allReplaced(_ text: String, by shape: String) -> String {
        places(text).reversed().reduce(into: text) { $0.replaceSubrange($1, with: shape) }
    }

    /// Each with one value replaced, for what is said of changes. Without quotes where YAML lets it: numbers are so.
    private static func eachReplaced(_ text: String) -> [String] {
        places(text).map { place in
            let line = text[..<place.lowerBound].split(separator: "\n", omittingEmptySubsequences: false).last ?? ""
            let isPlain = !line.contains { "{[".contains($0) }
            return text.replacingCharacters(in: place, with: isPlain ? "${MARK}" : "\"${MARK}\"")
        }
    }

    private static func said(_ result: ManifestResult, of text: String) -> String {
        let source = SourceLines(Array(text.utf8))
        return result.problems.map { "\($0.message)\n\($0.help ?? "")\n" + $0.rendered(file: "f", source: source) }
            .joined()
    }

    private static func said(_ changes: ManifestChanges) -> String {
        let fields = changes.changed.flatMap(\.fields) + changes.settings
        return changes.lines { _ in ManifestChanges.Live(queued: 1, running: 1) }.joined(separator: "\n")
            + fields.map { "\n\($0.path) \($0.before ?? "") \($0.after ?? "")" }.joined()
    }

    private static func tells(_ said: String, _ form: String) -> Bool {
        guard form.allSatisfy(\.isNumber) else { return said.lowercased().contains(form.lowercased()) }
        var rest = said[...]
        while let range = rest.range(of: form) {
            let before = range.lowerBound > said.startIndex ? said[said.index(before: range.lowerBound)] : " "
            if !before.isNumber, range.upperBound == said.endIndex || !said[range.upperBound].isNumber { return true }
            rest = rest[range.upperBound...]
        }
        return false
    }

    private static func check(_ text: String, _ value: String, _ forms: [String], from base: Manifest) -> Bool {
        func said(_ value: String) -> (text: String, isRight: Bool) {
            let result = load(text, environment: ["MARK": value], files: ["mark": value])
            var said = Self.said(result, of: text)
            if let manifest = result.manifest {
                said += Self.said(ManifestChanges(from: base, to: manifest))
                said += Self.said(ManifestChanges(from: manifest, to: base))
            }
            return (said, result.manifest != nil)
        }
        let (told, isRight) = said(value)
        // What the sample itself says is not a secret.
        for form in forms where tells(told, form) && !tells(said("0").text, form) {
            let line = text.split(separator: "\n").first { $0.contains("${") } ?? ""
            Issue.record("\(form) of \(value) in:\n\(told)\nof: \(line)")
        }
        return isRight
    }

    @Test(arguments: values.map(\.value)) func `Of mistakes nothing says it`(_ value: String) throws {
        let forms = try #require(Self.values.first { $0.value == value }).forms
        for sample in Self.samples {
            let base = try #require(load(sample).manifest)
            for shape in Self.shapes {
                _ = Self.check(Self.allReplaced(sample, by: shape), value, forms, from: base)
                // With a right version and right blocks more is looked at.
                for place in Self.places(sample) where shape != "\"${MARK}\"" && sample[place].hasPrefix("\"") {
                    _ = Self.check(sample.replacingCharacters(in: place, with: shape), value, forms, from: base)
                }
            }
        }
    }

    @Test(arguments: values.map(\.value)) func `Of one value among right ones nothing says it`(_ value: String) throws {
        let forms = try #require(Self.values.first { $0.value == value }).forms
        var right = 0
        for sample in Self.samples {
            let base = try #require(load(sample).manifest, "\(load(sample).summary)")
            let texts = Self.eachReplaced(sample)
            #expect(texts.count > 25)
            for text in texts where Self.check(text, value, forms, from: base) { right += 1 }
        }
        #expect(right >= 1)
    }

    @Test func `A change is told as it is written`() throws {
        func lines(_ old: String, _ new: String, _ environment: [String: String] = [:]) throws -> [String] {
            let base = try #require(load(old).manifest)
            let result = load(new, environment: environment)
            return ManifestChanges(from: base, to: try #require(result.manifest, "\(result.summary)"))
                .lines { _ in ManifestChanges.Live(queued: 0, running: 0) }
        }
        let plain = "version: 1\nfunctions:\n  f: {handler: {builtin: echo}}\n"
        func body(_ lines: String) -> String {
            "version: 1\nfunctions:\n  f:\n    handler: {builtin: echo}\n    \(lines)\n"
        }
        #expect(try lines(plain, body("timeout: ${T}"), ["T": "5s"]) == ["f: timeout 30s → ${T}"])
        #expect(
            try lines(plain, body("rateLimit: {limit: 7, per: \"${PER}\"}"), ["PER": "5s"])
                == ["f: rateLimit none → {limit: 7, per: ${PER}}"])
        #expect(
            try lines(plain, "server: {hosts: [a.example, \"${H}\"]}\n" + plain, ["H": "h.example"])
                == ["server.hosts none → [a.example, ${H}]"])
        #expect(
            try lines(plain, "defaults: {timeout: \"${T}\"}\n" + plain, ["T": "5s"]) == ["f: timeout 30s → ${T}"])
        // What the function says itself wins, and is not a reference.
        #expect(
            try lines(plain, "defaults: {timeout: \"${T}\"}\n" + body("timeout: 7s"), ["T": "5s"])
                == ["f: timeout 30s → 7s"])
        #expect(
            try lines(plain, body("endpoint: {redirect: \"${BASE}/{result.u}\"}"), ["BASE": "https://x.example"])
                == ["f: endpoint.redirect.completed none → ${BASE}/{result.u}"])
    }

    @Test(arguments: [
        ("https://h.example/${KEY}", "https://h.example/…"), ("https://${KEY}.example/x", "${KEY}/…"),
        ("${KEY:-https://u:p@h.example/}", "${KEY}/…"), ("https://u:${KEY}@h.example/", "${KEY}/…"),
    ])
    func `Of a URL only what is not a reference is told`(_ url: String, _ shown: String) throws {
        let base = try #require(load("version: 1\nfunctions:\n  f: {handler: {builtin: echo}}\n").manifest)
        let result = load(
            "version: 1\nfunctions:\n  f: {handler: {builtin: echo}, onComplete: {url: \"\(url)\"}}\n",
            environment: url.hasPrefix("${") ? [:] : ["KEY": "k"])
        let lines = ManifestChanges(from: base, to: try #require(result.manifest, "\(result.summary)"))
            .lines { _ in ManifestChanges.Live(queued: 0, running: 0) }
        #expect(lines.contains("f: onComplete.url none → \(shown)"), "\(lines)")
    }

    @Test func `A value of two revisions that are written alike has changed, and is not shown`() throws {
        let text = "version: 1\nfunctions:\n  f:\n    handler: {builtin: echo}\n    timeout: ${T}\n"
        let old = try #require(load(text, environment: ["T": "5s"]).manifest)
        let new = try #require(load(text, environment: ["T": "6s"]).manifest)
        #expect(old.revision != new.revision)
        let lines = ManifestChanges(from: old, to: new).lines { _ in ManifestChanges.Live(queued: 0, running: 0) }
        #expect(lines == ["f: timeout changed"])
    }

    @Test func `A summary is shown as it is written, to whomever`() throws {
        let result = load(
            "version: 1\nfunctions:\n  f: {handler: {builtin: echo}, summary: \"in ${R}, $${X}\"}\n",
            environment: ["R": "s3cr3t"])
        #expect(result.only?.summary == "in ${R}, $${X}")
        #expect(function("summary: a $${X}").only?.summary == "a ${X}")
    }
}

/// A manifest that came over the network.
@Suite struct NetworkReferenceTests {
    private static let inForce = """
        version: 1
        functions:
          f:
            summary: "${NAME} ${UNSET:-x} ${file:here}"
            handler: {builtin: echo}
        """

    private func send(_ value: String) throws -> ManifestResult {
        let manifest = try #require(
            load(Self.inForce, environment: ["NAME": "7s", "OTHER": "8s"], files: ["here": "9s", "there": "1s"])
                .manifest)
        return ManifestLoader(sources: ReferenceSources(inForce: manifest.references)).load(
            Array("version: 1\nfunctions:\n  f:\n    handler: {builtin: echo}\n    timeout: \"\(value)\"\n".utf8))
    }

    @Test(arguments: [
        ("${NAME}", 7), ("${NAME:-1s}", 7), ("${file:here}", 9), ("${UNSET:-5s}", 5),
    ])
    func `References of the manifest in force stand for what they stand for there`(_ value: String, _ seconds: Int)
        throws
    {
        let result = try send(value)
        #expect(result.only?.timeout == .seconds(seconds), "\(result.summary)")
    }

    @Test(arguments: [
        "OTHER", "OTHER:-1s", "NOWHERE", "NOWHERE:-1s", "file:there", "file:nowhere", "file:./here", "file:/etc/passwd",
    ])
    func `Any other is a problem with its line, the same whether it is there or not`(_ reference: String) throws {
        let problem = try #require(try send("${\(reference)}").problems.first)
        #expect(
            problem.message
                == "functions.f.timeout: ${\(reference)} is not read: the manifest in force does not refer to it, "
                + "and this one came over the network")
        #expect(
            problem.line == 5 && problem.severity == .error && problem.help?.contains("on the server's disk") == true)
    }

    @Test func `What is unset in force is unset here`() throws {
        #expect(try send("${UNSET}").problems.first?.message.contains("UNSET is not set") == true)
    }

    @Test func `Nothing that prints what references stand for shows it`() throws {
        let values = try #require(
            load(Self.inForce, environment: ["NAME": "s3cr3t"], files: ["here": "s3cr3t"]).manifest
        )
        .references
        var dumped = ""
        dump(values, to: &dumped)
        #expect(!"\(values) \(String(reflecting: values)) \(dumped)".contains("s3cr3t"))
    }
}

@Suite struct LargeManifestTests {
    private static func functions(_ count: Int, _ body: (Int) -> String) -> String {
        "version: 1\nfunctions:\n" + (0..<count).map { "  f\($0): \(body($0))\n" }.joined()
    }

    /// Reading takes seconds; when every function was compared with every other it took minutes.
    @Test(.timeLimit(.minutes(1)))
    func `Twenty-five thousand functions are read in the time that they take one by one`() {
        let start = ContinuousClock.now
        let result = load(Self.functions(25_000) { _ in "{handler: {builtin: echo}}" })
        #expect(result.manifest?.functions.count == 25_000)
        #expect(ContinuousClock.now - start < .seconds(30))
    }

    @Test func `Endpoints that clash are found whatever lies between them`() {
        let text = Self.functions(300) { number in
            let path = number == 5 || number == 250 ? "x/{a\(number)}/y" : "p\(number)"
            return "{handler: {builtin: echo}, endpoint: {path: \"\(path)\"}}"
        }
        #expect(load(text).summary == ["253:3 functions.f250.endpoint: POST x/{a250}/y is already taken by f5"])
    }

    @Test func `A name that is given twice clashes with others only`() {
        let text = """
            version: 1
            functions:
              f: {handler: {builtin: echo}}
              f: {handler: {builtin: echo}}
              g: {handler: {builtin: echo}, endpoint: {path: f}}
            """
        #expect(
            load(text).summary == [
                "4:3 functions.f: the key is given twice", "5:3 functions.g.endpoint: POST f is already taken by f",
            ])
    }
}

@Suite struct PublicFunctionTests {
    private func warnings(_ body: String) -> [String] {
        load("version: 1\nfunctions:\n  f: {handler: {builtin: echo}, \(body)}\n").problems.map {
            "\($0.severity) \($0.message)"
        }
    }

    @Test func `Who may be called by anybody without a limit is warned of, with the cure`() throws {
        let result = load("version: 1\nfunctions:\n  f: {handler: {builtin: echo}, endpoint: {auth: public}}\n")
        let problem = try #require(result.problems.first)
        #expect(result.problems.count == 1 && problem.severity == .warning && result.manifest != nil)
        #expect(problem.message == "functions.f.endpoint.auth: anybody may call it, as often as they like")
        #expect(problem.help?.contains("rateLimit: {limit: 60, per: 1m, key: ip}") == true)
        #expect(problem.line == 3 && problem.column == 50)
    }

    @Test(arguments: [
        "endpoint: {auth: public}, rateLimit: {limit: 1, per: 1s}", "endpoint: {auth: required}", "priority: 1",
        "endpoint: {path: x}", "endpoint: {auth: public}, rateLimit: [{limit: 1, per: 1s, key: ip}]",
    ])
    func `Others are not`(_ body: String) { #expect(warnings(body).isEmpty) }

    @Test(arguments: ["throttle: {limit: 1, per: 1s}", "concurrency: 1", "maxQueued: 1"])
    func `What bounds something else is not a rate limit`(_ line: String) {
        #expect(warnings("endpoint: {auth: public}, \(line)").count == 1)
    }
}
