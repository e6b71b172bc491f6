import Foundation
import JobModel
import Outbound
import TestClient
import Testing

/// Spellings of addresses that callers must not reach. Refused on the socket's address, so no spelling helps.
@Suite(.timeLimit(.minutes(2))) struct ForbiddenAddressTests {
    private static let ranges4: [(first: UInt32, last: UInt32)] = [
        (0x0000_0000, 0x00FF_FFFF),
        (0x0A00_0000, 0x0AFF_FFFF),
        (0x6440_0000, 0x647F_FFFF),
        (0x7F00_0000, 0x7FFF_FFFF),
        (0xA9FE_0000, 0xA9FE_FFFF),
        (0xAC10_0000, 0xAC1F_FFFF),
        (0xC000_0000, 0xC000_00FF),
        (0xC000_0200, 0xC000_02FF),
        (0xC058_6300, 0xC058_63FF),
        (0xC0A8_0000, 0xC0A8_FFFF),
        (0xC612_0000, 0xC613_FFFF),
        (0xC633_6400, 0xC633_64FF),
        (0xCB00_7100, 0xCB00_71FF),
        (0xE000_0000, 0xEFFF_FFFF),
        (0xF000_0000, 0xFFFF_FFFE),
        (0xA83F_8110, 0xA83F_8110),
    ]

    /// The ends and the middle of every closed IPv4 range.
    private static var closed4: [UInt32] {
        var addresses: [UInt32] = []
        for (first, last) in ranges4 {
            let middle: UInt32 = first + (last - first) / 2
            addresses += Set([min(first + 1, last), middle, last])
        }
        return addresses
    }

    /// Every way in which inet_aton(3) and RFC 4291 let an IPv4 address be written.
    private static func spellings(_ address: UInt32) -> [String] {
        let shifts: [UInt32] = [24, 16, 8, 0]
        let bytes: [UInt32] = shifts.map { (address >> $0) & 0xFF }
        func hex(_ value: UInt32) -> String { String(value, radix: 16) }
        func octal(_ value: UInt32) -> String { String(value, radix: 8) }
        let dotted: String = bytes.map { String($0) }.joined(separator: ".")
        let dottedHex: String = bytes.map { "0x" + hex($0) }.joined(separator: ".")
        let dottedOctal: String = bytes.map { "0" + octal($0) }.joined(separator: ".")
        return [
            dotted, String(address), "0x\(hex(address))", "0\(octal(address))", dottedHex, dottedOctal,
            "\(bytes[0]).\(address & 0xFFFFFF)", "\(bytes[0]).\(bytes[1]).\(address & 0xFFFF)",
            "[::ffff:\(dotted)]", "[::ffff:\(hex(address >> 16)):\(hex(address & 0xFFFF))]",
            "[0:0:0:0:0:FFFF:\(dotted)]",
        ]
    }

    private static let closed6 = [
        "::", "::1", "0:0:0:0:0:0:0:1", "::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b::10.0.0.1", "100::1", "fe80::1",
        "febf::1", "fc00::1", "fd00::1", "fdff:ffff::1", "ff00::1", "ff02::1", "2001::1", "2001:1ff:ffff::1",
        "2001:db8::1", "2001:0DB8::1", "2002::1", "2002:7f00:1::1", "2002:a00:1::1", "3fff::1", "3fff:fff:ffff::1",
        "4000::1", "8000::1", "1fff::1", "fec0::1",
    ].map { "[\($0)]" }

    private static var hosts: [String] { closed4.flatMap(spellings) + closed6 }

    private func send(_ url: String, _ outbound: Outbound) async -> OutboundResult {
        await outbound.send(OutboundRequest(method: "POST", url: url, body: [], timeout: .seconds(10)))
    }

    @Test func `More than four hundred spellings are refused without a packet`() async throws {
        let listener = try RawServer()
        let outbound = Outbound(policy: EgressPolicy())
        let hosts = Self.hosts
        #expect(hosts.count >= 400)
        for host in hosts {
            let result = await send("http://\(host):\(listener.port)/", outbound)
            let failure = try #require(result.failure, "\(host)")
            // A spelling that libcurl does not take for an address is a name that nobody has.
            #expect([.unreachable, .invalidURL].contains(failure), "\(host): \(failure)")
            #expect(result.timings.connect == 0, "\(host)")
        }
        #expect(listener.connections == 0)
    }

    @Test(arguments: [
        "127.0.0.1", "localhost", "LOCALHOST", "localhost.", "127.1", "127.0.1", "2130706433", "0x7f.1", "0177.1",
        "017700000001", "%31%32%37.0.0.1", "user@127.0.0.1", "user:pass@127.0.0.1", "example.com@127.0.0.1", "[::1]",
        "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "0", "0.0.0.0", "[::]", "127.127.127.127", "127.0.0.1.",
    ])
    func `Nothing of this machine is reached, whatever it is called`(_ host: String) async throws {
        let listener = try RawServer()
        let result = await send("http://\(host):\(listener.port)/", Outbound(policy: EgressPolicy()))
        let failure = try #require(result.failure)
        #expect([.unreachable, .invalidURL].contains(failure), "\(failure)")
        #expect(listener.connections == 0)
    }

    @Test func `A name that nobody has and one of an address that is not allowed look the same`() async {
        let outbound = Outbound(policy: EgressPolicy())
        let missing = await send("http://\(String(repeating: "a", count: 64)).invalid/", outbound)
        #expect(missing.failure == .unreachable)
        for host in ["localhost", "127.0.0.1", "10.0.0.1", "[fe80::1]"] {
            #expect(await send("http://\(host):1/", outbound) == missing, "\(host)")
        }
        #expect("\(OutboundFailure.unreachable)" == "the host was not found, or its address is not allowed")
        // The operator, who may go anywhere, is told what is wrong.
        let open = await send("http://\(String(repeating: "a", count: 64)).invalid/", Outbound(policy: .anywhere))
        #expect(open.failure == .nameNotFound)
    }

    @Test func `A redirect leads nowhere, and what is open is reached`() async throws {
        let secret = try RawServer()
        let public4 = try RawServer { peer in
            try peer.request()
            try peer.send(
                "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.2:\(secret.port)/\r\nContent-Length: 0\r\n\r\n")
            peer.waitForClose()
        }
        let range = try #require(NetworkRange("127.0.0.1"))
        let outbound = Outbound(policy: EgressPolicy(allowing: [range]))
        let result = await send(public4.url, outbound)
        #expect(result.answer?.status == 302)
        #expect(secret.connections == 0)
        #expect(await send("http://127.0.0.2:\(public4.port)/", outbound).failure == .unreachable)
        // A name that is open leads wherever it leads.
        let named = Outbound(policy: EgressPolicy(hosts: ["localhost"]))
        #expect(await send("http://localhost:\(public4.port)/", named).answer?.status == 302)
        #expect(await send("http://127.0.0.1:\(public4.port)/", named).failure == .unreachable)
    }

    @Test func `A connection of one policy is not used by another`() async throws {
        let server = try RawServer { peer in
            while true {
                try peer.request()
                try peer.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            }
        }
        let operators = Outbound(policy: .anywhere)
        #expect(await send(server.url, operators).answer?.status == 200)
        #expect(await send(server.url, Outbound(policy: EgressPolicy())).failure == .unreachable)
        #expect(server.requests.count == 1)
    }
}
