import TestClient
import Testing

@Suite struct ProxySignsTests {
    let server: ServerProcess

    init() async throws { server = try await ServerProcess(manifest: TestManifest.text) }

    @Test(arguments: [
        "Forwarded", "Via", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Port",
        "X-Forwarded-Server", "X-Forwarded-Anything", "X-Real-IP", "X-Client-IP", "X-Cluster-Client-IP",
        "X-Original-Forwarded-For", "X-Envoy-External-Address", "X-Envoy-Anything", "True-Client-IP",
        "CF-Connecting-IP",
        "CF-Connecting-IPv6", "Fastly-Client-IP", "Fly-Client-IP", "x-envoy-expected-rq-timeout-ms", "cf-connecting-ip",
    ])
    func `What a proxy passes on takes the admin token`(_ name: String) async throws {
        #expect(try await server.get("/metrics", headers: ["\(name): 1"]).status == 401)
        let token = try server.adminToken
        #expect(
            try await server.get("/metrics", headers: ["\(name): 1", "Authorization: Bearer \(token)"]).status == 200)
    }

    @Test(arguments: [
        "Accept: text/plain", "X-Request-ID: 1", "User-Agent: Prometheus", "X-Forwarded: 1",
        "X-Prometheus-Scrape-Timeout-Seconds: 1",
    ])
    func `Who asks on this machine needs none`(_ header: String) async throws {
        #expect(try await server.get("/metrics", headers: [header]).status == 200)
    }
}
