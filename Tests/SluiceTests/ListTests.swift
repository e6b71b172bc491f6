import Foundation
import PayloadSchema
import TestClient
import Testing

/// Lists over many and large jobs, as an operator and an account ask for them.
@Suite struct ListTests {
    private static let manifest = """
        version: 1
        functions:
          fast:
            handler: {builtin: echo, simulate: {duration: 0s}}
            endpoint: {auth: public}
          rare:
            handler: {builtin: echo, simulate: {duration: 0s}}
            endpoint: {auth: public}
          refused:
            handler: {builtin: echo, simulate: {duration: 0s, status: 422}}
            endpoint: {auth: public}
        """

    let server: ServerProcess
    let admin: String

    init() async throws {
        server = try await ServerProcess(manifest: Self.manifest)
        let token = try String(contentsOfFile: server.folder.file("admin-token"), encoding: .utf8)
        admin = "Authorization: Bearer \(token.trimmingCharacters(in: .whitespacesAndNewlines))"
    }

    private func list(_ query: String, as credentials: String? = nil) async throws -> HTTPReply {
        try await server.request("GET", "/v1/tasks\(query)", headers: [credentials ?? admin])
    }

    private func ids(_ page: JSONValue) -> [String] {
        guard case .array(let tasks)? = page["tasks"] else { return [] }
        return tasks.compactMap { $0["id"]?.string }
    }

    /// Jobs that have not started: only their payloads matter.
    private func accept(_ count: Int, payload: String) async throws {
        for _ in 0..<count { _ = try await server.accept("/api/v1/fast", payload, headers: ["Sluice-Delay: 1h"]) }
    }

    @Test func `A hundred jobs of a megabyte each are a small list, and others are answered meanwhile`() async throws {
        let payload = "\"" + String(repeating: "0", count: 1_000_000) + "\""
        try await accept(100, payload: payload)
        var ids: [String] = []
        var cursor: String? = ""
        // A busy machine may end a page early, by time; never by size, and never with a hundred kilobytes.
        while let place = cursor {
            let reply = try await list("?limit=100\(place)")
            #expect(reply.status == 200)
            guard case .array(let tasks)? = reply.json["tasks"], !tasks.isEmpty else {
                throw ServerProcess.Failure(description: reply.text)
            }
            #expect(tasks.allSatisfy { $0["payloadOmitted"] == true && $0["payload"] == .null })
            #expect(reply.body.count < 100_000)
            #expect(reply.json["cut"]?.string != "size")
            ids += self.ids(reply.json)
            cursor = reply.json["nextCursor"]?.string.map { "&cursor=\($0)" }
        }
        #expect(ids.count == 100 && Set(ids).count == 100)
        // The job itself has its payload, byte for byte.
        let whole = try await server.request("GET", "/v1/tasks/\(ids[0])", headers: [admin])
        #expect(whole.json.value(at: ["task", "payload"])?.text == payload)
        #expect(whole.json.value(at: ["task", "payloadOmitted"]) == nil)
        try await withThrowingTaskGroup(of: HTTPReply.self) { group in
            for _ in 0..<12 { group.addTask { try await list("?limit=100") } }
            for _ in 0..<12 { group.addTask { try await server.get("/livez") } }
            for try await reply in group { #expect(reply.status == 200, "\(reply.text)") }
        }
    }

    @Test func `A page ends at 4 MiB, says so, and the next one goes on behind it`() async throws {
        // Some 60 KiB: small enough to be shown.
        try await accept(90, payload: "[\"" + String(repeating: "x", count: 60_000) + "\"]")
        var seen: [String] = []
        var cuts: [String?] = []
        var cursor = ""
        repeat {
            let reply = try await list("?limit=100\(cursor)")
            #expect(reply.body.count <= 4 << 20)
            seen += ids(reply.json)
            cuts.append(reply.json["cut"]?.string)
            cursor = reply.json["nextCursor"]?.string.map { "&cursor=\($0)" } ?? ""
        } while !cursor.isEmpty && cuts.count < 10
        #expect(cuts == ["size", nil])
        #expect(seen.count == 90 && Set(seen).count == 90)
    }

    @Test func `A function's jobs are found, in sets of states, with totals`() async throws {
        let rare = try await server.accept("/api/v1/rare")
        let refused = try await server.accept("/api/v1/refused")
        for url in [rare, refused] { _ = try await server.end(of: url) }
        try await accept(3, payload: "{}")
        let found = try await list("?type=rare").json
        #expect(ids(found) == [rare.split(separator: "/").last.map(String.init) ?? ""])
        #expect(found["total"] == 1 && found["totalExact"] == true)
        let both = try await list("?status=failed,completed").json
        #expect(both["total"] == 2)
        #expect(ids(both).count == 2)
        #expect(try await list("?status=delayed,failed").json["total"] == 4)
        #expect(try await list("?status=timeout,cancelled").json["total"] == 0)
    }

    @Test func `One caller's jobs are found by account and by idempotency key`() async throws {
        func account(_ name: String) async throws -> (id: String, credentials: String) {
            let reply = try await server.post("/v1/accounts", #"{"name":"\#(name)"}"#, headers: [admin])
            let key = reply.json["apiKey"]?.string ?? ""
            return (reply.json.value(at: ["account", "id"])?.string ?? "", "Authorization: Bearer \(key)")
        }
        let (first, second) = (try await account("first"), try await account("second"))
        let wanted = try await server.accept(
            "/api/v1/rare", headers: [first.credentials, "Idempotency-Key: order-1"])
        _ = try await server.accept("/api/v1/fast", headers: [first.credentials])
        _ = try await server.accept("/api/v1/rare", headers: [second.credentials, "Idempotency-Key: order-1"])
        let id = wanted.split(separator: "/").last.map(String.init) ?? ""
        #expect(try await ids(list("?account=\(first.id)").json).count == 2)
        #expect(try await ids(list("?account=\(first.id)&key=order-1").json) == [id])
        #expect(try await ids(list("?key=order-1", as: first.credentials).json) == [id])
        #expect(try await list("?key=order-1", as: first.credentials).json["total"] == 1)
        #expect(try await ids(list("?key=order-2", as: first.credentials).json).isEmpty)
        #expect(try await ids(list("?key=order-1&type=fast", as: first.credentials).json).isEmpty)
        // Nobody looks into another account.
        #expect(try await list("?account=\(second.id)", as: first.credentials).status == 403)
        let alone = try await list("?key=order-1")
        #expect(alone.status == 400 && alone.text.contains("account"))
        #expect(try await list("?account=first").status == 400)
    }
}
