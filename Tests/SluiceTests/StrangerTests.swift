import Foundation
import Glibc
import PayloadSchema
import TestClient
import Testing

/// Callers without credentials behind a trusted proxy: none of them fills the queue for the others.
@Suite(.timeLimit(.minutes(2))) struct StrangerTests {
    private static func manifest(maxQueued: Int) -> String {
        """
        version: 1
        server: {trustedProxies: [127.0.0.0/8], minFreeSpace: 0B}
        anonymous: {maxQueued: \(maxQueued), maxDelay: 2h}
        functions:
          open:
            handler: {builtin: echo, simulate: {duration: 0s}}
            endpoint: {auth: public}
            maxQueued: 100
          other:
            handler: {builtin: echo, simulate: {duration: 0s}}
            endpoint: {auth: public}
        """
    }

    private static func from(_ address: String) -> String { "X-Forwarded-For: \(address)" }

    private static let latest = "Sluice-Delay: 2h"

    private static func admin(_ server: ServerProcess) throws -> String {
        "Authorization: Bearer \(try server.adminToken)"
    }

    /// - Returns: the status URLs of those that were accepted, and the answers to the others.
    private static func call(
        _ server: ServerProcess, _ times: Int, _ headers: [String], function: String = "open"
    ) async throws -> (accepted: [String], refused: [HTTPReply]) {
        var (accepted, refused): ([String], [HTTPReply]) = ([], [])
        for _ in 0..<times {
            let reply = try await server.post("/api/v1/\(function)", "{}", headers: headers)
            if reply.status == 202, let url = reply.json["statusUrl"]?.string {
                accepted.append(url)
            } else {
                refused.append(reply)
            }
        }
        return (accepted, refused)
    }

    @Test func `A hundred calls with the longest delay from one address leave the others served, over a kill too`()
        async throws
    {
        let server = try await ServerProcess(manifest: Self.manifest(maxQueued: 20))
        let one = Self.from("203.0.113.7")
        let (accepted, refused) = try await Self.call(server, 100, [one, Self.latest])
        #expect(accepted.count == 20)
        for reply in refused {
            #expect(reply.status == 429 && reply["retry-after"] != nil)
            #expect(reply.json["limit"] == "anonymous.maxQueued")
            #expect(reply.json["type"] == "urn:sluice:problem:queue-full")
        }
        // Of all functions together, whichever way the address is written.
        #expect(try await Self.call(server, 1, [Self.from("::ffff:203.0.113.7")], function: "other").accepted.isEmpty)
        // Another address, another proxy's client, and this machine.
        for headers in [[Self.from("203.0.113.8")], [Self.from("203.0.113.7, 198.51.100.2")], []] {
            let url = try #require(try await Self.call(server, 1, headers).accepted.first)
            #expect(try await server.end(of: url).status == 200)
        }
        // With credentials it is not a stranger's.
        #expect(try await Self.call(server, 1, [one, try Self.admin(server)]).accepted.count == 1)
        // A place is free when its job is cancelled, once.
        #expect(try await server.request("DELETE", accepted[0]).status == 200)
        #expect(try await Self.call(server, 2, [one, Self.latest]).accepted.count == 1)

        server.signal(SIGKILL)
        _ = try await server.waitForExit()
        let next = try await ServerProcess(manifest: Self.manifest(maxQueued: 20), folder: server.folder)
        #expect(try await Self.call(next, 3, [one]).accepted.isEmpty)
        #expect(try await Self.call(next, 1, [Self.from("203.0.113.8")]).accepted.count == 1)
        #expect(try await next.request("DELETE", accepted[1]).status == 200)
        let again = try #require(try await Self.call(next, 1, [one]).accepted.first)
        #expect(try await next.end(of: again).status == 200)
        // It ran: its place is free again, as soon as that is written.
        #expect(try await Self.call(next, 2, [one, Self.latest]).accepted.count == 1)
    }

    @Test func `IPv6 counts by its first 64 bits`() async throws {
        let server = try await ServerProcess(manifest: Self.manifest(maxQueued: 3))
        var accepted = 0
        for number in 1...9 {
            accepted += try await Self.call(
                server, 1, [Self.from("2001:db8:0:7:\(number)::1"), Self.latest]
            ).accepted.count
        }
        #expect(accepted == 3)
        #expect(try await Self.call(server, 1, [Self.from("2001:db8:0:8::1")]).accepted.count == 1)
        // Its idempotency keys are the /64's, too.
        let keys = ["Idempotency-Key: k"]
        let first = try await server.post("/api/v1/open", "{}", headers: keys + [Self.from("2001:db8:0:9::1")])
        let again = try await server.post("/api/v1/open", "{}", headers: keys + [Self.from("2001:db8:0:9:5::2")])
        #expect(first.status == 202 && again.json["jobId"] == first.json["jobId"])
    }

    @Test func `An address has a quarter of a function's queue, all of them three quarters`() async throws {
        let server = try await ServerProcess(manifest: Self.manifest(maxQueued: 10_000))
        for number in 1...3 {
            let (accepted, refused) = try await Self.call(server, 26, [Self.from("203.0.113.\(number)"), Self.latest])
            #expect(accepted.count == 25)
            #expect(refused.first?.json["limit"] == "maxQueued")
            #expect(refused.first?.json["detail"]?.string?.contains("Your address's share (a quarter)") == true)
        }
        let fourth = try await Self.call(server, 1, [Self.from("203.0.113.4"), Self.latest]).refused.first
        #expect(fourth?.status == 429)
        #expect(fourth?.json["detail"]?.string?.contains("all callers without credentials (three quarters)") == true)
        let owned = try await Self.call(server, 26, [Self.from("203.0.113.4"), Self.latest, try Self.admin(server)])
        #expect(owned.accepted.count == 25)
        #expect(owned.refused.first?.json["detail"]?.string?.contains("The queue of open is full") == true)
    }

    @Test func `A longer delay is a 400 that names the limit, for strangers`() async throws {
        let server = try await ServerProcess(manifest: Self.manifest(maxQueued: 10_000))
        let time = Int64(Date().timeIntervalSince1970 * 1000) + 3 * 3_600_000
        for late in ["Sluice-Delay: 7201s", "Sluice-Not-Before: \(time)"] {
            let reply = try await server.post("/api/v1/open", "{}", headers: [late, Self.from("203.0.113.1")])
            #expect(reply.status == 400 && reply.json["limit"] == "anonymous.maxDelay", "\(reply.text)")
            #expect(reply.json["detail"]?.string?.contains("2h ahead (anonymous.maxDelay)") == true)
            for headers in [[late], [late, Self.from("203.0.113.1"), try Self.admin(server)]] {
                #expect(try await server.post("/api/v1/open", "{}", headers: headers).status == 202)
            }
        }
        #expect(try await Self.call(server, 1, [Self.latest, Self.from("203.0.113.1")]).accepted.count == 1)
    }
}
