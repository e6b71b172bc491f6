import Foundation
import FunctionManifest
import JobModel
import PayloadSchema
import Testing

func load(_ text: String, environment: [String: String] = [:], files: [String: String] = [:]) -> ManifestResult {
    ManifestLoader(
        sources: ReferenceSources(
            environment: { environment[$0] },
            file: { name in files[name].map { .success($0) } ?? .failure(.init("it is not there")) })
    ).load(Array(text.utf8))
}

/// A manifest with one function whose body is `lines`, indented by four spaces.
func function(_ lines: String, _ environment: [String: String] = [:]) -> ManifestResult {
    let body = lines.split(separator: "\n").map { "    \($0)" }.joined(separator: "\n")
    return load("version: 1\nfunctions:\n  f:\n    handler: {builtin: echo}\n\(body)\n", environment: environment)
}

extension ManifestResult {
    var manifest: Manifest? { if case .success(let manifest, _) = self { manifest } else { nil } }

    var only: Function? { manifest?.functions.first }

    /// `line:column message` of each problem.
    var summary: [String] { problems.map { "\($0.line):\($0.column) \($0.message)" } }
}

@Suite struct ManifestTests {
    private func target(_ lines: String, _ environment: [String: String] = [:]) -> ManifestResult {
        load(
            "version: 1\nfunctions:\n  f:\n    handler: {http: {\(lines)}}\n", environment: environment)
    }

    @Test(arguments: [
        ("url: \"http:///{payload.x}\"", "has no host"), ("url: \"http://${HOST}/{payload.x}\"", "has no host"),
        ("url: \"http://:80/x\"", "has no host"), ("url: \"http://user@/x\"", "has no host"),
        ("url: \"http://\"", "has no host"), ("url: \"http://:80\"", "has no host"),
        ("url: \"https://h?{payload.x}\"", "lets a job choose the host"),
        ("url: \"https://h\\\\@{payload.x}\"", "lets a job choose the host"),
        ("url: \"http://h:99999/x\"", "has no port between 1 and 65535"),
        ("url: \"http://h:+80/x\"", "has no port between 1 and 65535"),
        ("url: \"http://h{payload.x}/\"", "lets a job choose the host"),
        ("url: \"http://h/\", headers: {X-A: \"{result.a}\"}", "knows no result"),
    ])
    func `What would go astray at every call is refused at once`(_ lines: String, _ message: String) {
        let result = target(lines, ["HOST": ""])
        let errors = result.problems.filter { $0.severity == .error }
        #expect(errors.count == 1 && errors.first?.message.contains(message) == true, "\(result.summary)")
    }

    @Test func `Keys are the same when their bytes are`() {
        let result = function("caf\u{E9}: 1\ncafe\u{301}: 2")
        #expect(result.summary.map { $0.contains("unknown key") } == [true, true], "\(result.summary)")
        let twice = function("caf\u{E9}: 1\ncaf\u{E9}: 2")
        #expect(twice.summary.contains { $0.contains("given twice") }, "\(twice.summary)")
    }

    @Test(arguments: ["X-\u{212A}ey", "caf\u{E9}", "cafe\u{301}", ""])
    func `A header name is a token`(_ name: String) {
        for lines in ["headers: {\"\(name)\": a}", "forwardHeaders: [\"\(name)\"]"] {
            let result = target("url: \"http://h/\", \(lines)", [:])
            #expect(result.summary.count == 1, "\(result.summary)")
        }
    }

    @Test(arguments: ["5xx", "503"])
    func `A rule for a status is a code or a family`(_ rule: String) {
        #expect(target("url: \"http://h/\", retryOn: [\(rule)]", [:]).summary.isEmpty)
    }

    @Test(arguments: ["\u{665}xx", "6xx", "0xx", "xxx", "5xx\u{301}", "+xx", "5x"])
    func `Another one is none`(_ rule: String) {
        let result = target("url: \"http://h/\", retryOn: [\"\(rule)\"]", [:])
        #expect(result.summary.count == 1 && result.summary[0].contains("is not a status"), "\(result.summary)")
    }

    @Test func `What a reference is filled with stands for itself in a template`() throws {
        let result = target(
            "url: \"http://h/${KEY}/{payload.x}\", headers: {X-Token: \"${TOKEN}\"}",
            ["KEY": "a{b", "TOKEN": "x}}y{{z{payload.x}"])
        guard case .http(let target)? = result.only?.handler else {
            Issue.record("\(result.summary)")
            return
        }
        let values = TemplateValues(payload: ["x": "1"])
        #expect(target.url.url(values) == "http://h/a{b/1")
        #expect(target.headers.first?.value.text(values) == "x}}y{{z{payload.x}")
    }

    @Test func `A prefix that makes a field of Standard Webhooks is refused`() {
        for prefix in ["webhook", "Webhook"] {
            let result = load(
                "version: 1\nwebhooks: {headerPrefix: \(prefix)}\nfunctions: {f: {handler: {builtin: echo}}}\n")
            #expect(result.summary.count == 1, "\(result.summary)")
        }
    }

    @Test func `The sample at the root is right`() throws {
        let path = URL(fileURLWithPath: #filePath).appendingPathComponent("../../../functions.yaml").standardized
        let result = ManifestLoader(
            sources: ReferenceSources(environment: { _ in nil }, file: { _ in .failure(.init("")) })
        )
        .load([UInt8](try Data(contentsOf: path)))
        #expect(result.problems.isEmpty, "\(result.summary)")
        #expect(
            result.manifest?.functions.map(\.name) == [
                "send-email", "generate-report", "resize-image", "import-order", "sync-contact",
            ])
    }

    @Test func `What is left out has the contract's defaults`() throws {
        let result = load("version: 1\nfunctions:\n  f:\n    handler: {builtin: send-email}\n")
        let manifest = try #require(result.manifest)
        #expect(manifest.server == ServerSettings())
        #expect(manifest.server.basePath == ["api", "v1"])
        #expect(manifest.server.maxPayload == 1 << 20)
        #expect(manifest.server.shutdownGrace == .seconds(25))
        let function = try #require(result.only)
        #expect(function.timeout == .seconds(30))
        #expect(function.maxWait == .seconds(7 * 86_400))
        #expect(function.retry == RetryPolicy())
        #expect(function.retention == Retention())
        #expect(function.endpoint.path == PathPattern(literals: ["f"]))
        #expect(function.endpoint.method == "POST")
        #expect(function.endpoint.authentication == .required)
        #expect(function.idempotencyWindow == .seconds(86_400))
        guard case .builtin(let builtin) = function.handler else { return }
        #expect(builtin.duration == .seconds(2))
        #expect(builtin.failureRate == 0)
    }

    @Test func `A function's own values win over the defaults, key by key`() throws {
        let text = """
            version: 1
            defaults:
              timeout: 5s
              retry: {attempts: 9, delay: 3s, jitter: equal}
              retention: {completed: 1h}
            functions:
              f:
                handler: {builtin: echo}
                retry: {delay: 1s}
                retention: {failed: 2h}
            """
        let function = try #require(load(text).only)
        #expect(function.timeout == .seconds(5))
        #expect(function.retry.attempts == 9)
        #expect(function.retry.delay == .seconds(1))
        #expect(function.retry.jitter == .equal)
        #expect(function.retention.completed == .seconds(3600))
        #expect(function.retention.failed == .seconds(7200))
    }

    @Test func `A table of delays is exact unless jitter is asked for, and a formula replaces it`() throws {
        #expect(function("retry: {delays: [5s, 1m]}").only?.retry.jitter == RetryPolicy.Jitter.none)
        #expect(function("retry: {delays: [5s, 1m], jitter: full}").only?.retry.jitter == .full)
        let text = """
            version: 1
            defaults: {retry: {delays: [5s]}}
            functions:
              f: {handler: {builtin: echo}, retry: {backoff: fixed}}
            """
        #expect(load(text).only?.retry.delays == nil)
        #expect(load(text).only?.retry.jitter == .full)
    }

    @Test func `Everything that runs today is read`() throws {
        let result = function(
            """
            summary: Does it
            endpoint:
              method: PUT
              path: a/{id}
              mode: sync
              auth: public
              statusCodes: {failed: 422, deadLetter: 502, timeout: 504, cancelled: 404}
              redirect: {completed: "{result.url}", failed: "/f/{parameters.id}", pending: "/p/{payload.x}"}
              pollAfter: 3s
              callerWebhook: false
            timeout: 10s
            maxWait: 1h
            retry: {attempts: 3, backoff: linear, delay: 1s, maxDelay: 1m, jitter: none}
            retention: {completed: 1h, failed: 2h, tombstone: 3h}
            rateLimit: {limit: 10, per: 1m}
            idempotency: {key: payload.a.b, window: 30m}
            priority: -5
            delay: 2s
            paused: true
            waitForSignal: false
            """)
        #expect(result.problems.isEmpty, "\(result.summary)")
        let read = try #require(result.only)
        #expect(read.endpoint.statusCodes == [.failed: 422, .deadLetter: 502, .timeout: 504, .cancelled: 404])
        #expect(read.endpoint.redirects.count == 3)
        #expect(read.endpoint.pollAfter == .fixed(.seconds(3)))
        #expect(read.endpoint.mode == .sync)
        #expect(read.idempotency?.key?.description == "payload.a.b")
        #expect(read.priority == -5)
        #expect(read.paused)
    }

    @Test func `Simulated faults are read, and whoever describes a failure gets one`() throws {
        func builtin(_ simulate: String) throws -> Builtin {
            let text = "version: 1\nfunctions:\n  f:\n    handler: {builtin: echo, simulate: \(simulate)}\n"
            guard case .builtin(let builtin)? = load(text).only?.handler else { throw CocoaError(.coderInvalidValue) }
            return builtin
        }
        #expect(try builtin("{duration: 5ms, spread: 0.5, failureRate: 0.25}").failureRate == 0.25)
        #expect(try builtin("{status: 503}").failureRate == 1)
        #expect(try builtin("{hang: true}").failureRate == 1)
        #expect(try builtin("{hang: false}").failureRate == 0)
        #expect(try builtin("{retryAfter: 3s, failureRate: 0.5}").retryAfter == .seconds(3))
    }

    @Test func `Limits are one or a list, with keys`() throws {
        let result = function(
            """
            maxQueued: 5
            rateLimit: {limit: 10, per: 1m, key: account}
            throttle: [{limit: 100, per: 1s, burst: 20, key: payload.tenant}, {limit: 1, per: 2s}]
            concurrency: [20, {limit: 5, key: parameters.a.b}, {limit: 2, key: ip}]
            """)
        #expect(result.problems.isEmpty, "\(result.summary)")
        let limits = try #require(result.only?.limits)
        #expect(limits.maxQueued == 5)
        #expect(limits.rate == [RateLimit(limit: 10, per: .seconds(60), key: .account)])
        let tenant = try #require(ValuePath("payload.tenant"))
        #expect(
            limits.throttle == [
                Throttle(limit: 100, per: .seconds(1), burst: 20, key: .value(tenant)),
                Throttle(limit: 1, per: .seconds(2)),
            ])
        #expect(limits.concurrency.map(\.limit) == [20, 5, 2])
        #expect(limits.concurrency.last?.key == .ip)
        #expect(function("concurrency: 3").only?.limits.concurrency == [ConcurrencyLimit(limit: 3)])
        #expect(function("timeout: 1s").only?.limits == FunctionLimits())
    }

    @Test func `Blocks whose machinery comes later are only checked`() {
        let text = """
            version: 1
            server: {maxQueued: 5, trustedProxies: [10.0.0.0/8, "::1"], hosts: [x.example.com]}
            defaults: {maxQueued: 10}
            functions:
              f: {handler: {builtin: echo}}
            fallback:
              handler: {http: {url: "https://example.com/{payload.a}"}}
              rateLimit: {limit: 1, per: 1s}
            accounts: {registration: open, concurrency: 5, maxQueued: 5}
            tasksAPI: {adHocTargets: true, max: {timeout: 5m, retries: 10, delay: 30d, priority: 0}}
            jobsAPI: {rateLimit: {limit: 10, per: 1m, key: account}}
            webhooks:
              retry: {attempts: 3, backoff: exponential, delay: 2s, factor: 2, jitter: none}
              timeout: 15s
              headerPrefix: X-Acme
            egress: {allow: [127.0.0.0/8, hooks.example.com]}
            """
        let result = load(text)
        #expect(result.problems.isEmpty, "\(result.summary)")
        #expect(result.manifest?.server.trustedProxies.count == 2)
    }

    @Test func `What callers without credentials may have is read, each key with its default`() {
        let functions = "functions: {f: {handler: {builtin: echo}}}"
        #expect(load("version: 1\n\(functions)\n").manifest?.anonymous == AnonymousLimits())
        let all = load("version: 1\nanonymous: {concurrency: 3, maxQueued: 5, maxDelay: 90s}\n\(functions)\n")
        #expect(all.manifest?.anonymous.concurrency == 3)
        #expect(all.manifest?.anonymous.maxQueued == 5)
        #expect(all.manifest?.anonymous.maxDelay == .seconds(90))
        // No delay at all is a limit, too.
        #expect(
            load("version: 1\nanonymous: {maxDelay: 0s}\n\(functions)\n").manifest?.anonymous.maxDelay == .zero)
        for wrong in ["maxQueued: 0", "maxDelay: 90", "concurrency: 0", "maxDelays: 1s"] {
            #expect(load("version: 1\nanonymous: {\(wrong)}\n\(functions)\n").problems.count == 1, "\(wrong)")
        }
    }

    @Test(arguments: [
        ("schema: {payload: {type: object}}", "schema"),
        (
            "schedules: [{cron: \"0 2 * * *\", timeZone: Europe/Berlin, payload: {}, parameters: {}, overlap: skip}]",
            "schedules"
        ),
        ("waitForSignal: true", "waitForSignal"),
    ])
    func `A function that needs what is not there yet is refused, with nothing else to say`(
        _ lines: String, _ key: String
    ) {
        let result = function(lines)
        #expect(result.problems.count == 1, "\(result.summary)")
        #expect(
            result.problems.first?.message.hasPrefix("functions.f.\(key): this version of Sluice does not have") == true
        )
    }

    @Test func `Webhooks are read whole, with the contract's defaults`() throws {
        let usual = try #require(load("version: 1\nfunctions:\n  f: {handler: {builtin: echo}}\n").manifest)
        #expect(
            (1...3).map { usual.webhooks.retry.plannedDelay(afterFailures: $0) } == [
                .seconds(2), .seconds(4), .seconds(8),
            ])
        #expect(usual.webhooks.retry.attempts == 3 && usual.webhooks.retry.jitter == .none)
        #expect(usual.webhooks.timeout == .seconds(15) && usual.webhooks.headerPrefix == "X-Sluice")
        #expect(usual.egress == EgressSettings())
        #expect(usual.functions.first?.onComplete == nil && usual.functions.first?.endpoint.callerWebhook == false)

        let full = load(
            """
            version: 1
            webhooks: {retry: {attempts: 5, delays: [1s, 1m]}, timeout: 3s, headerPrefix: X-Acme}
            egress: {allow: [10.1.0.0/16, "::1", Hooks.internal]}
            functions:
              f:
                handler: {builtin: echo}
                endpoint: {callerWebhook: true}
                onComplete:
                  url: "https://example.com/{parameters.a}?r={result.b}"
                  secret: ${S}
                  events: [failed, timeout]
            """, environment: ["S": "shh"])
        let manifest = try #require(full.manifest, "\(full.summary)")
        #expect(manifest.webhooks.retry.delays == [.seconds(1), .seconds(60)])
        #expect(manifest.webhooks.timeout == .seconds(3) && manifest.webhooks.headerPrefix == "X-Acme")
        #expect(manifest.egress.hosts == ["hooks.internal"] && manifest.egress.ranges.count == 2)
        let hook = try #require(manifest.functions.first?.onComplete)
        #expect(hook.secret == Secret("shh") && hook.events == [.failed, .timeout])
        #expect(manifest.functions.first?.endpoint.callerWebhook == true)
    }

    @Test(arguments: [
        ("onComplete: {events: [failed]}", "onComplete.url: the key is missing"),
        ("onComplete: {url: \"ftp://x/\"}", "is not an http or https URL"),
        ("onComplete: {url: \"https://{payload.h}/\"}", "lets a job choose the host"),
        ("onComplete: {url: \"https://x/\", events: [done]}", "unknown value \"done\""),
        ("onComplete: {url: \"https://x/\", events: []}", "must not be empty"),
        ("onComplete: {url: \"https://x/\", secrets: s}", "unknown key"),
        ("onComplete: {url: \"https://x/\", secret: \"${NONE:-whsec_@@}\"}", "behind whsec_ is not Base64"),
        ("onComplete: \"https://x/\"", "onComplete: expected a mapping"),
    ])
    func `What is wrong with a webhook is told`(_ lines: String, _ message: String) {
        let result = function(lines)
        #expect(result.problems.count == 1, "\(result.summary)")
        #expect(result.problems.first?.message.contains(message) == true, "\(result.summary)")
    }

    @Test(arguments: ["10.1.2.3/8", "300.1.1.1", "127.0.0.1-127.0.0.9", "-", ".", "hooks..internal", "fd00::1/8", "h."])
    func `What egress cannot open is told`(_ entry: String) {
        let result = load("version: 1\nfunctions: {f: {handler: {builtin: echo}}}\negress: {allow: [\"\(entry)\"]}\n")
        #expect(result.problems.count == 1 && result.problems.first?.severity == .error, "\(result.summary)")
    }

    @Test(arguments: [
        "10.0.0.0/8", "10.1.2.3", "10.1.2.3/32", "::1", "fd00::/8", "h", "a_b.c-1.internal", "::ffff:0:0/96",
    ])
    func `What egress can open is taken`(_ entry: String) {
        let result = load("version: 1\nfunctions: {f: {handler: {builtin: echo}}}\negress: {allow: [\"\(entry)\"]}\n")
        #expect(result.problems.isEmpty, "\(result.summary)")
    }

    private func target(_ keys: String) throws -> HTTPTarget {
        let lines = keys.split(separator: "\n").map { "        \($0)" }.joined(separator: "\n")
        let result = load("version: 1\nfunctions:\n  f:\n    handler:\n      http:\n\(lines)\n")
        guard case .http(let target)? = result.only?.handler else { throw CocoaError(.coderInvalidValue) }
        return target
    }

    @Test func `An HTTP handler is read whole, with the contract's defaults`() throws {
        let plain = try target("url: https://orders.internal/import")
        #expect(plain.method == "POST")
        #expect(plain.honoursRetryAfter && plain.retriesNetwork && plain.retriesTimeouts)
        for (status, verdict) in [
            (200, HTTPTarget.Verdict.success), (302, .success), (404, .success), (408, .retry), (425, .retry),
            (429, .retry), (500, .retry), (599, .retry), (199, .failure),
        ] {
            #expect(plain.verdict(on: status) == verdict, "\(status)")
        }
        let full = try target(
            """
            url: https://orders.internal/import/{parameters.userId}
            method: PUT
            headers: {Authorization: "Bearer ${TOKEN:-x}", X-Tenant: "{payload.tenant}"}
            successOn: [2xx, 404]
            retryOn: [503, network]
            honourRetryAfter: false
            forwardHeaders: [Accept-Language, X-Tenant]
            passRedirect: true
            secret: ${SIGNING_SECRET:-whsec_x}
            """)
        #expect(full.forwardHeaders == ["Accept-Language", "X-Tenant"])
        #expect(full.forwards("accept-LANGUAGE") && !full.forwards("accept"))
        #expect(full.passesRedirect && !plain.passesRedirect)
        #expect(full.secret == Secret("whsec_x") && plain.secret == nil)
        #expect(full.method == "PUT")
        #expect(full.headers.map(\.name) == ["Authorization", "X-Tenant"])
        #expect(full.headers.first?.value.text(TemplateValues()) == "Bearer x")
        #expect(!full.honoursRetryAfter && full.retriesNetwork && !full.retriesTimeouts)
        #expect(full.verdict(on: 500) == .failure)
        #expect(full.verdict(on: 503) == .retry)
        #expect(full.verdict(on: 404) == .success)
        #expect(full.verdict(on: 302) == .failure)
    }

    @Test(arguments: [
        ("url: ftp://x/", "is not an http or https URL"),
        ("url: http://x/\nsuccessOn: []", "must not be empty"),
        ("url: \"https://{payload.host}/\"", "lets a job choose the host"),
        ("url: \"https://a.{payload.host}/\"", "lets a job choose the host"),
        ("url: \"https://x/{result.a}\"", "knows no result"), ("url: https://x/a b", "a character that no URL has"),
        ("url: https://x/\u{FC}", "a character that no URL has"), ("url: \"https://x/{payload.a\"", "never closed"),
        ("url: https://x/\nheaders: {Host: y}", "Host may not be set"),
        ("url: https://x/\nheaders: {\"A B\": y}", "is not a header name"),
        ("url: https://x/\nheaders: {A: \"b\\r\\nC: d\"}", "may not contain a line break"),
        ("url: https://x/\nretryOn: [6xx]", "is not a status"),
        ("url: https://x/\nsuccessOn: [network]", "is not a status"),
        ("url: https://x/\nmethod: FETCH", "unknown value"), ("method: GET", "url"),
        ("url: https://x/\nforwardHeaders: [A B]", "is not a header name"),
        ("url: https://x/\nforwardHeaders: [Cookie]", "Cookie of a caller does not go on"),
        ("url: https://x/\nforwardHeaders: [Sluice-Job-Id]", "Sluice-Job-Id of a caller does not go on"),
        ("url: https://x/\nforwardHeaders: [traceparent]", "traceparent of a caller does not go on"),
        ("url: https://x/\npassRedirect: 303", "expected true or false"),
    ])
    func `What is wrong with an HTTP handler is told`(_ keys: String, _ message: String) {
        let lines = keys.split(separator: "\n").map { "        \($0)" }.joined(separator: "\n")
        let result = load("version: 1\nfunctions:\n  f:\n    handler:\n      http:\n\(lines)\n")
        #expect(result.problems.count == 1, "\(result.summary)")
        #expect(result.problems.first?.message.contains(message) == true, "\(result.summary)")
    }

    @Test(arguments: [
        """
        command:
          run: [handlers/word_count.py]
          lifetime: persistent
          workers: 2
          env: {LANG: C.UTF-8}
          limits: {memory: 1GiB, cpuTime: 60s, openFiles: 256}
        """
    ])
    func `Command handlers are checked, and refused for now`(_ handler: String) {
        let lines = handler.split(separator: "\n").map { "      \($0)" }.joined(separator: "\n")
        let result = load("version: 1\nfunctions:\n  f:\n    handler:\n\(lines)\n")
        #expect(result.problems.count == 1, "\(result.summary)")
        #expect(result.problems.first?.message.contains("does not have") == true)
    }

    @Test func `References are filled in from environment and files, and escaped with two dollars`() throws {
        let result = load(
            """
            version: 1
            functions:
              f:
                timeout: ${T:-7s}
                handler: {builtin: echo}
                onComplete: {url: "http://h/", secret: "${A}-${B:-two}-$${C}-${file:note.txt}"}
            """, environment: ["A": "one"], files: ["note.txt": "three\n"])
        #expect(result.only?.onComplete?.secret == Secret("one-two-${C}-three"), "\(result.summary)")
        #expect(result.only?.timeout == .seconds(7))
        #expect(result.manifest?.referencedFiles == ["note.txt"])
    }

    @Test(arguments: ["s3cret", "s3cret\n", "s3cret\r\n", "\u{FEFF}s3cret\r\n"])
    func `What an editor adds to a file is not part of its value`(_ content: String) {
        let text =
            "version: 1\nfunctions:\n  f:\n    handler: {builtin: echo}\n"
            + "    onComplete: {url: \"http://h/\", secret: \"<${file:a}>\"}\n"
        #expect(load(text, files: ["a": content]).only?.onComplete?.secret == Secret("<s3cret>"))
        // One line break is the editor's; a second one is the author's.
        #expect(load(text, files: ["a": "s3cret\n\n"]).only?.onComplete?.secret == Secret("<s3cret\n>"))
    }

    @Test func `A reference that stands for nothing is warned of by its name`() throws {
        func warnings(_ value: String) -> [String] {
            let result = load(
                "version: 1\nfunctions:\n  f: {handler: {builtin: echo}, summary: \"\(value)\"}\n",
                environment: ["EMPTY": "", "FULL": "v"],
                files: ["empty": "", "line": "\r\n", "mark": "\u{FEFF}", "blank": " ", "full": "s3cret"])
            guard case .success(_, let warnings) = result else { return ["failed: \(result.summary)"] }
            return warnings.map { "\($0.severity) \($0.message)" }
        }
        for name in ["empty", "line", "mark"] {
            #expect(
                warnings("Bearer ${file:\(name)}") == [
                    "warning functions.f.summary: the file \"\(name)\" is empty"
                ])
        }
        #expect(
            warnings("Bearer ${EMPTY} ${file:full}") == [
                "warning functions.f.summary: the environment variable EMPTY is set and empty"
            ])
        for fine in ["${file:full}", "${file:blank}", "${FULL}", "${EMPTY:-}", "${UNSET:-}", "$${EMPTY}"] {
            #expect(warnings(fine).isEmpty, "\(fine)")
        }
    }

    @Test func `The revision is made of the bytes and the values of references`() {
        let text = "version: 1\nfunctions:\n  f: {handler: {builtin: echo}, summary: \"${A}\"}\n"
        let first = load(text, environment: ["A": "1"]).manifest?.revision
        #expect(first?.wholeMatch(of: /[0-9a-f]{12}/) != nil)
        #expect(load(text, environment: ["A": "1"]).manifest?.revision == first)
        #expect(load(text, environment: ["A": "2"]).manifest?.revision != first)
        #expect(load(text + "\n", environment: ["A": "1"]).manifest?.revision != first)
    }

    @Test func `CRLF and a byte-order mark are taken`() {
        #expect(load("\u{FEFF}version: 1\r\nfunctions:\r\n  f:\r\n    handler: {builtin: echo}\r\n").manifest != nil)
    }
}
