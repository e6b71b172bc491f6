import FunctionManifest
import JobModel
import Testing

@Suite struct ManifestChangesTests {
    private func manifest(_ functions: String, _ top: String = "") throws -> Manifest {
        let text = "version: 1\n\(top)\nfunctions:\n\(functions)\n"
        let loader = ManifestLoader(
            sources: ReferenceSources(environment: { _ in nil }, file: { _ in .failure(.init("")) }))
        let result = loader.load(Array(text.utf8))
        guard case .success(let manifest, _) = result else {
            Issue.record("\(result.problems.map(\.message))")
            throw CancellationError()
        }
        return manifest
    }

    private func lines(
        _ old: String, _ new: String, live: [String: ManifestChanges.Live] = [:], tops: (String, String) = ("", "")
    ) throws -> [String] {
        let changes = ManifestChanges(from: try manifest(old, tops.0), to: try manifest(new, tops.1))
        return changes.lines { live[$0] ?? ManifestChanges.Live(queued: 0, running: 0) }
    }

    @Test func `Nothing is told of a file that only looks different`() throws {
        let same = try lines("  f: {handler: {builtin: echo}}", "  f:\n    handler:\n      builtin: echo  # the same")
        #expect(same == [])
    }

    @Test func `What is added, removed and changed is told with what it means for jobs`() throws {
        let told = try lines(
            "  a: {handler: {builtin: echo}, timeout: 30s}\n  old: {handler: {builtin: echo}}",
            "  a: {handler: {builtin: echo}, timeout: 10s}\n  new: {handler: {builtin: echo}}",
            live: [
                "a": ManifestChanges.Live(queued: 0, running: 12), "old": ManifestChanges.Live(queued: 41, running: 1),
                "new": ManifestChanges.Live(queued: 3, running: 0),
            ])
        #expect(
            told == [
                "new: added; 3 queued jobs of it go on", "a: timeout 30s → 10s, 12 running finish under the old value",
                "old: removed; 41 queued jobs wait, blocked, 1 running finishes",
            ])
    }

    /// Each key that a function can have, changed alone.
    @Test(arguments: [
        ("summary: a", "summary none → a"), ("maxWait: 1h", "maxWait 7d → 1h"),
        ("retry: {attempts: 2}", "retry.attempts 4 → 2"), ("retry: {delays: [5s, 1m]}", "retry.delays none → [5s, 1m]"),
        ("retention: {failed: 1h}", "retention.failed 7d → 1h"),
        ("rateLimit: {limit: 10, per: 1m, key: account}", "rateLimit none → 10 per 1m by account"),
        ("throttle: {limit: 5, per: 1s, burst: 9, key: payload.a}", "throttle none → 5 per 1s, burst 9 by payload.a"),
        ("concurrency: [20, {limit: 5, key: ip}]", "concurrency none → [20, 5 by ip]"),
        ("maxQueued: 5", "maxQueued 100000 → 5"), ("priority: 7", "priority 0 → 7"), ("delay: 1m", "delay 0s → 1m"),
        ("paused: true", "paused false → true"),
        ("idempotency: {key: payload.a, window: 1h}", "idempotency.key none → payload.a"),
        ("endpoint: {auth: public}", "endpoint.auth required → public"),
        ("endpoint: {path: \"a/{b}\"}", "endpoint.path f → a/{b}"),
        ("endpoint: {statusCodes: {failed: 422}}", "endpoint.statusCodes.failed none → 422"),
        ("endpoint: {redirect: \"{result.u}\"}", "endpoint.redirect.completed none → {result.u}"),
        ("endpoint: {pollAfter: 5s}", "endpoint.pollAfter auto → 5s"),
        ("onComplete: {url: \"https://x/\", events: [failed]}", "onComplete.url none → https://x/…"),
    ])
    func `A change is told in the manifest's words`(_ line: String, _ expected: String) throws {
        let told = try lines(
            "  f:\n    handler: {builtin: echo}", "  f:\n    handler: {builtin: echo}\n    \(line)")
        #expect(told.contains("f: \(expected)"), "\(told)")
    }

    @Test func `Secrets are told as changed and never shown`() throws {
        func target(_ token: String, _ secret: String) -> String {
            """
              f:
                handler: {http: {url: "https://x/", headers: {Authorization: \(token)}, secret: \(secret)}}
                onComplete: {url: "https://y/", secret: \(secret)}
            """
        }
        let told = try lines(target("old-token", "old-secret"), target("new-token", "new-secret"))
        #expect(
            told == [
                "f: handler.http.secret changed", "f: handler.http.headers.Authorization changed",
                "f: onComplete.secret changed",
            ])
    }

    @Test func `Of a URL only where it leads is told`() throws {
        func target(_ token: String) -> String {
            """
              f:
                handler: {http: {url: "https://user:\(token)@x.test:8443/\(token)?key=\(token)"}}
                onComplete: {url: "https://hooks.test/services/\(token)"}
            """
        }
        let changed = try lines(target("old"), target("new"))
        #expect(changed == ["f: handler.http.url changed", "f: onComplete.url changed"])
        let moved = try lines(target("old"), target("new").replacing("x.test", with: "y.test"))
        #expect(moved.first == "f: handler.http.url https://x.test:8443/… → https://y.test:8443/…")
        let added = try lines("  f: {handler: {builtin: echo}}", target("new"))
        #expect(added.contains("f: handler.http.url none → https://x.test:8443/…"))
        #expect(!(changed + moved + added).joined().contains("new"))
    }

    @Test func `Settings of the server are told too`() throws {
        let function = "  f: {handler: {builtin: echo}}"
        let told = try lines(
            function, function,
            tops: (
                "",
                "server: {concurrency: 5, basePath: /jobs, hosts: [x.test], minFreeSpace: 1GiB}\naccounts: {maxQueued: 7}\n"
                    + "anonymous: {maxQueued: 8, maxDelay: 1h}\n"
                    + "webhooks: {timeout: 3s, retry: {attempts: 9}}\negress: {allow: [10.0.0.0/8, hooks.test]}"
            ))
        #expect(
            told == [
                "server.basePath /api/v1 → /jobs", "server.concurrency 256 → 5", "server.hosts none → x.test",
                "server.minFreeSpace 268435456B → 1073741824B", "accounts.maxQueued 10000 → 7",
                "anonymous.maxQueued 10000 → 8", "anonymous.maxDelay 1d → 1h", "webhooks.timeout 15s → 3s",
                "egress.allow none → [10.0.0.0/8, hooks.test]", "webhooks.retry.attempts 3 → 9",
            ])
    }
}
