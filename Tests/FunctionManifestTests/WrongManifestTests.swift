import FunctionManifest
import Testing

@Suite struct WrongManifestTests {
    @Test(
        arguments: [
            (
                "timeout: 10", "5:14 functions.f.timeout: a duration needs a unit",
                "write 10s for seconds; units: ms, s, m, h, d"
            ),
            ("timeout: 10 s", "5:14 functions.f.timeout: \"10 s\" is not a duration", "write 250ms, 30s, 5m, 2h or 7d"),
            ("timeout: 0s", "5:14 functions.f.timeout: 0s is out of range", "from 1ms to 366d"),
            ("timeout: {}", "5:14 functions.f.timeout: expected a duration, found a mapping", nil),
            ("timeout:", "5:13 functions.f.timeout: expected a duration, found nothing", nil),
            ("tiemout: 10s", "5:5 functions.f.tiemout: unknown key", nil),
            ("retry: {attempts: 0}", "5:23 functions.f.retry.attempts: 0 is out of range", "from 1 to 100"),
            (
                "retry: {attempts: \"3\"}", "5:23 functions.f.retry.attempts: expected a whole number, found \"3\"",
                "remove the quotes"
            ),
            ("retry: {attempts: 3.5}", "5:23 functions.f.retry.attempts: expected a whole number, found \"3.5\"", nil),
            ("retry: {factor: 0.5}", "5:21 functions.f.retry.factor: 0.5 is out of range", "from 1.0 to 1000.0"),
            ("retry: {factor: nan}", "5:21 functions.f.retry.factor: expected a number, found \"nan\"", nil),
            (
                "retry: {delays: [1s], delay: 2s}", "5:21 functions.f.retry.delays: stands instead of delay",
                "give either delays, or backoff, delay and factor"
            ),
            ("retry: {delays: []}", "5:21 functions.f.retry.delays: must not be empty", nil),
            (
                "retry: 3", "5:12 functions.f.retry: expected a mapping, found a value",
                "write \"key: value\" lines below it"
            ),
            ("paused: yes", "5:13 functions.f.paused: expected true or false, found \"yes\"", "write true"),
            ("paused: OFF", "5:13 functions.f.paused: expected true or false, found \"OFF\"", "write false"),
            ("paused: \"true\"", "5:13 functions.f.paused: expected true or false, found \"true\"", nil),
            ("priority: 101", "5:15 functions.f.priority: 101 is out of range", "from -100 to 100"),
            ("delay: 31d", "5:12 functions.f.delay: 31d is out of range", "from 0s to 30d"),
            (
                "endpoint: {auth: none}", "5:22 functions.f.endpoint.auth: unknown value \"none\"",
                "one of: required, public"
            ),
            (
                "endpoint: {method: GET}", "5:24 functions.f.endpoint.method: unknown value \"GET\"",
                "one of: POST, PUT, PATCH, DELETE"
            ),
            (
                "endpoint: {path: /x}", "5:22 functions.f.endpoint.path: \"/x\" is not a path",
                "write it without a leading, trailing or double \"/\": emails/{userId}"
            ),
            (
                "endpoint: {path: \"a/{wait}\"}",
                "5:22 functions.f.endpoint.path: \"wait\" is reserved for long polling",
                "give the parameter another name"
            ),
            (
                "endpoint: {redirect: \"{result.url\"}", "5:26 functions.f.endpoint.redirect: \"{\" is never closed",
                "write \"{{\" for a literal \"{\""
            ),
            (
                "endpoint: {redirect: \"{user.url}\"}",
                "5:26 functions.f.endpoint.redirect: \"{user.url}\" is not a reference",
                "{payload.…}, {parameters.…} or {result.…}; \"{{\" for a literal \"{\""
            ),
            (
                "endpoint: {redirect: {failed: \"{result.url}\"}}",
                "5:35 functions.f.endpoint.redirect.failed: a job that is failed has no result",
                "use {payload.…} or {parameters.…}"
            ),
            (
                "endpoint: {statusCodes: {failed: 301}}",
                "5:38 functions.f.endpoint.statusCodes.failed: 301 cannot be answered",
                "200, 202, 400 to 499, or 500 to 504"
            ),
            (
                "endpoint: {statusCodes: {done: 200}}", "5:30 functions.f.endpoint.statusCodes.done: unknown key",
                "one of: pending, inFlight, completed, failed, deadLetter, timeout, cancelled"
            ),
            (
                "idempotency: {key: orderId}", "5:24 functions.f.idempotency.key: \"orderId\" is not a key",
                "write payload.<path> or parameters.<path>"
            ),
            (
                "idempotency: {window: 25h}",
                "5:27 functions.f.idempotency.window: 25h is longer than a job is kept (1d)",
                "shorten the window, or raise retention.completed and retention.failed"
            ),
            (
                "timeout: ${NOWHERE}", "5:14 functions.f.timeout: the environment variable NOWHERE is not set",
                "set it, put it into .env beside the manifest, or give a default: ${NOWHERE:-…}"
            ),
            (
                "summary: \"${file:gone}\"", "5:14 functions.f.summary: cannot read the file \"gone\": it is not there",
                nil
            ),
            (
                "summary: \"${1x}\"", "5:14 functions.f.summary: \"${1x}\" is not a reference",
                "write ${NAME}, ${NAME:-default} or ${file:PATH}; \"$${\" for a literal \"${\""
            ),
            (
                "summary: \"${OPEN\"", "5:14 functions.f.summary: \"${\" is never closed",
                "write \"$${\" for a literal \"${\""
            ),
            ("timeout: 1s\ntimeout: 2s", "6:5 functions.f.timeout: the key is given twice", "first on line 5"),
        ] as [(String, String, String?)])
    func `A mistake in a function is named with its place and its cure`(
        _ lines: String, _ problem: String, _ help: String?
    ) {
        let result = function(lines)
        #expect(result.summary == [problem])
        if let help { #expect(result.problems.first?.help == help) }
    }

    @Test(arguments: [
        ("", "1:1 the file is empty"),
        ("# nothing\n", "1:1 the file is empty"),
        ("- a\n", "1:1 a manifest is a mapping, found a list"),
        ("functions: {}\n", "1:1 version: the key is missing"),
        ("version: 1\n", "1:1 functions: the key is missing"),
        ("version: 2\nfunctions: {}\n", "1:10 version: version 2 is unknown"),
        ("version: 1\nfunctions: {}\nfoo: 1\n", "3:1 foo: unknown key"),
        ("version: 1\nfunctions: {F: {handler: {builtin: echo}}}\n", "2:13 functions.F: \"F\" is not a function name"),
        (
            "version: 1\nfunctions: {1f: {handler: {builtin: echo}}}\n",
            "2:13 functions.1f: \"1f\" is not a function name"
        ),
        ("version: 1\nfunctions: {f: {}}\n", "2:16 functions.f.handler: the key is missing"),
        ("version: 1\nfunctions: {f: {handler: {}}}\n", "2:26 functions.f.handler: names no handler"),
        (
            "version: 1\nfunctions: {f: {handler: {builtin: ehco}}}\n",
            "2:36 functions.f.handler.builtin: unknown value \"ehco\""
        ),
        (
            "version: 1\nfunctions: {f: {handler: {builtin: echo, simulate: {status: 200}}}}\n",
            "2:61 functions.f.handler.simulate.status: 200 is out of range"
        ),
        (
            "version: 1\nserver: {basePath: /api/jobs/x}\nfunctions: {}\n",
            "2:20 server.basePath: \"/api/jobs/x\" belongs to another API of Sluice"
        ),
        ("version: 1\nserver: {basePath: /}\nfunctions: {}\n", "2:20 server.basePath: \"/\" is not a base path"),
        ("version: 1\nserver: {maxPayload: 1MB}\nfunctions: {}\n", "2:22 server.maxPayload: \"1MB\" is not a size"),
        ("version: 1\nserver: {maxPayload: 5}\nfunctions: {}\n", "2:22 server.maxPayload: a size needs a unit"),
        (
            "version: 1\nserver: {trustedProxies: [10.0.0.0/99]}\nfunctions: {}\n",
            "2:27 server.trustedProxies[0]: \"10.0.0.0/99\" is not an address range"
        ),
        (
            "version: 1\nserver: {cors: {origins: [\"*\"]}}\nfunctions: {}\n",
            "2:27 server.cors.origins[0]: \"*\" is not an origin"
        ),
        (
            "version: 1\nserver: {publicUrl: jobs.example.com}\nfunctions: {}\n",
            "2:21 server.publicUrl: \"jobs.example.com\" is not an http or https URL"
        ),
        (
            "version: 1\nserver: {publicUrl: \"ftp://jobs.example.com\"}\nfunctions: {}\n",
            "2:21 server.publicUrl: \"ftp://jobs.example.com\" is not an http or https URL"
        ),
        (
            "version: 1\nserver: {publicUrl: \"https://u@jobs.example.com\"}\nfunctions: {}\n",
            "2:21 server.publicUrl: \"https://u@jobs.example.com\" is not an http or https URL"
        ),
        (
            "version: 1\nserver: {publicUrl: \"https://jobs.example.com/x\"}\nfunctions: {}\n",
            "2:21 server.publicUrl: \"https://jobs.example.com/x\" has a path or a query"
        ),
        (
            "version: 1\nserver: {connections: {total: 127}}\nfunctions: {}\n",
            "2:31 server.connections.total: 127 is out of range"
        ),
        (
            "version: 1\nserver: {connections: {perAddress: 0}}\nfunctions: {}\n",
            "2:36 server.connections.perAddress: 0 is out of range"
        ),
        ("version: 1\nserver: {minFreeSpace: 1}\nfunctions: {}\n", "2:24 server.minFreeSpace: a size needs a unit"),
        (
            "version: 1\negress: {allow: [\"http://x\"]}\nfunctions: {}\n",
            "2:18 egress.allow[0]: \"http://x\" is neither an address range nor a host name"
        ),
        ("a: &x 1\nb: *x\n", "1:4 anchors are not supported"),
        ("a: *x\n", "1:4 aliases are not supported"),
        ("a: !!str 1\n", "1:4 tags (\"!…\") are not supported"),
        ("version: 1\n---\nfunctions: {}\n", "2:1 a second document starts here"),
        ("? [a]\n: b\n", "1:3 a key must be plain text, not a list"),
    ])
    func `A mistake anywhere is named with its place`(_ text: String, _ problem: String) {
        #expect(load(text).summary == [problem])
    }

    @Test(arguments: ["a:\n\t- b\n", "a: [1\n", "a: b: c\n", "a: \"open\n", "\u{1}: 1\n", "a: @x\n"])
    func `What is no YAML is one problem with a line`(_ text: String) {
        let result = load(text)
        #expect(result.problems.count == 1)
        #expect(result.problems.first?.message.hasPrefix("not YAML: ") == true)
    }

    @Test func `Bytes that are not UTF-8 and UTF-16 are refused`() {
        let loader = ManifestLoader(
            sources: ReferenceSources(environment: { _ in nil }, file: { _ in .failure(.init("")) }))
        #expect(loader.load([0x61, 0x3A, 0xFF, 0xFE]).problems.count == 1)
        #expect(loader.load([0xFF, 0xFE, 0x61, 0x00]).problems.count == 1)
    }

    @Test func `All mistakes are told at once, in the order of the file`() {
        let result = load(
            """
            version: 1
            server: {basePath: api}
            functions:
              send-email:
                handler: {builtin: send-emial}
                timeout: 10
                retry: {backoff: exponental}
              other:
                handler: {builtin: echo}
                endpoint: {path: send-email/status/x, nosuch: 1}
            egress: {alow: []}
            """)
        #expect(
            result.summary == [
                "2:20 server.basePath: \"api\" is not a base path",
                "5:24 functions.send-email.handler.builtin: unknown value \"send-emial\"",
                "6:14 functions.send-email.timeout: a duration needs a unit",
                "7:22 functions.send-email.retry.backoff: unknown value \"exponental\"",
                "10:43 functions.other.endpoint.nosuch: unknown key",
                "11:10 egress.alow: unknown key",
            ])
        #expect(
            result.problems[1].help
                == "did you mean \"send-email\"? one of: send-email, generate-report, resize-image, echo")
        #expect(result.problems[5].help == "did you mean \"allow\"? one of: allow")
    }

    @Test func `Two functions cannot share a path`() {
        let text = """
            version: 1
            functions:
              a:
                handler: {builtin: echo}
                endpoint: {path: "x/{id}"}
              b:
                handler: {builtin: echo}
                endpoint: {path: "x/{name}"}
              c:
                handler: {builtin: echo}
                endpoint: {path: "a/status/{id}", method: DELETE}
            """
        #expect(
            load(text).summary == [
                "6:3 functions.b.endpoint: POST x/{name} is already taken by a",
                "9:3 functions.c.endpoint: DELETE a/status/{id} is taken by the status URLs",
            ])
    }

    @Test func `A file over 1 MiB, nesting over 64 and a billion laughs are refused at once`() {
        let large = load(String(repeating: "#", count: (1 << 20) + 1))
        #expect(large.problems.first?.message.contains("too large") == true)
        let deep = "a: " + String(repeating: "[", count: 100) + String(repeating: "]", count: 100)
        #expect(load(deep).problems.first?.message == "nested deeper than 64")
        let deepBlock = (0..<100).map { String(repeating: " ", count: $0) + "a:\n" }.joined()
        #expect(load(deepBlock).problems.first?.message == "nested deeper than 64")
        let laughs = "a: &a [x]\nb: &b [*a,*a]\nc: &c [*b,*b]\n"
        #expect(load(laughs).problems.first?.message == "anchors are not supported")
    }

    @Test func `A problem is shown with its line, carets and help`() {
        let text = "version: 1\nfunctions:\n  f:\n    handler: {builtin: echo}\n    timeout: 10\n"
        let problem = load(text).problems[0]
        #expect(
            problem.rendered(file: "functions.yaml", source: SourceLines(Array(text.utf8))) == """
                functions.yaml:5:14: error: functions.f.timeout: a duration needs a unit
                    5 |     timeout: 10
                      |              ^^
                      = help: write 10s for seconds; units: ms, s, m, h, d

                """)
    }

    @Test func `Long lines are cut around the place, control characters are not printed`() {
        let long = "version: 1\nfunctions: {}\nx: \"\(String(repeating: "a", count: 500))\", \u{7F}\n"
        for problem in load(long).problems {
            let shown = problem.rendered(file: "f", source: SourceLines(Array(long.utf8)))
            #expect(shown.split(separator: "\n").allSatisfy { $0.count < 250 })
            #expect(!shown.contains("\u{7F}"))
        }
    }

    @Test func `No text traps the loader`() {
        var generator = Mixer(state: 11)
        let seed = Array(
            """
            version: 1
            server: {basePath: /api/v1, concurrency: 5}
            functions:
              f:
                handler: {builtin: echo, simulate: {duration: 1s}}
                endpoint: {path: "a/{b}", redirect: "{result.x}"}
                retry: {delays: [1s, 2m]}
                summary: "${A:-b}"
            """.utf8)
        let loader = ManifestLoader(
            sources: ReferenceSources(environment: { _ in nil }, file: { _ in .failure(.init("no")) }))
        for _ in 0..<5000 {
            var bytes = seed
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                let place = Int.random(in: 0..<bytes.count, using: &generator)
                switch Int.random(in: 0..<3, using: &generator) {
                case 0: bytes[place] = UInt8.random(in: 0...255, using: &generator)
                case 1: bytes.remove(at: place)
                default:
                    bytes.insert(
                        contentsOf: "{[\"'*&!|>%@`:-?#$\n\t 9".utf8.shuffled(using: &generator).prefix(1), at: place)
                }
            }
            let result = loader.load(bytes)
            let source = SourceLines(bytes)
            for problem in result.problems { _ = problem.rendered(file: "f", source: source) }
        }
    }
}

struct Mixer: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return (state ^ (state >> 29)) &* 0x94D0_49BB_1331_11EB
    }
}
