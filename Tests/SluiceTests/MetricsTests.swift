import Foundation
import TestClient
import Testing

@Suite struct MetricsTests {
    @Test func `Metrics count what happened, in the format of Prometheus`() async throws {
        let server = try await ServerProcess(manifest: TestManifest.text)
        for _ in 0..<3 { _ = try await server.end(of: try await server.accept("/api/v1/fast")) }
        _ = try await server.end(of: try await server.accept("/api/v1/broken"))
        _ = try await server.post("/api/v1/fast", "{")
        _ = try await server.accept("/api/v1/fast", headers: ["Sluice-Delay: 1h"])
        let reply = try await server.get("/metrics")
        #expect(reply.status == 200)
        #expect(reply["content-type"]?.hasPrefix("text/plain; version=0.0.4") == true)
        let lines = Set(reply.text.split(separator: "\n").map(String.init))
        for expected in [
            #"sluice_jobs_accepted_total{function="fast"} 4"#, #"sluice_jobs_completed_total{function="fast"} 3"#,
            #"sluice_jobs_failed_total{function="broken"} 1"#, #"sluice_attempts_retried_total{function="broken"} 1"#,
            #"sluice_attempts_started_total{function="broken"} 2"#, #"sluice_queued_jobs{function="fast"} 1"#,
            #"sluice_calls_refused_total{function="fast",reason="invalid_json"} 1"#,
            #"sluice_attempt_seconds_count{function="fast"} 3"#,
            #"sluice_wait_seconds_bucket{function="fast",le="+Inf"} 3"#,
            "sluice_slots 256", "sluice_store_errors_total 0", "sluice_waiters 0",
            "sluice_log_lines_lost_total 0",
        ] {
            #expect(lines.contains(expected), "\(expected)")
        }
        // Every sample belongs to a family, every histogram rises to its count.
        var families: [String: String] = [:]
        for line in reply.text.split(separator: "\n") {
            if line.hasPrefix("# TYPE ") {
                let words = line.split(separator: " ")
                #expect(families.updateValue(String(words[3]), forKey: String(words[2])) == nil, "\(line)")
            } else if !line.hasPrefix("#") {
                let name = String(line.prefix { $0 != "{" && $0 != " " })
                let base = ["_bucket", "_sum", "_count"].first { name.hasSuffix($0) }.map {
                    String(name.dropLast($0.count))
                }
                #expect(families[name] != nil || base.flatMap { families[$0] } == "histogram", "\(line)")
                #expect(Double(line.split(separator: " ").last ?? "") != nil)
            }
        }
        #expect(!reply.text.contains("0199") && !reply.text.contains("status/"))
    }
}
