import JobModel
import Outbound
import Testing

@Suite struct EgressPolicyTests {
    private let callers = EgressPolicy()

    @Test(arguments: [
        "0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.127.255.255", "127.0.0.1",
        "127.255.255.254", "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.8", "192.0.2.1", "192.88.99.1",
        "192.168.1.1", "198.18.0.1", "198.19.255.255", "198.51.100.7", "203.0.113.9", "224.0.0.1", "239.255.255.255",
        "240.0.0.1", "255.255.255.255", "168.63.129.16",
        "::", "::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::127.0.0.1", "64:ff9b::7f00:1", "100::1", "fe80::1",
        "fc00::1", "fd12:3456::1", "ff02::1", "2001::1", "2001:1ff::1", "2001:db8::1", "2002:7f00:1::1", "3fff::1",
        "3fff:fff::1", "4000::1",
    ])
    func `No caller reaches an address that is not public`(_ text: String) throws {
        let address = try #require(IPAddress(text))
        #expect(!callers.allows(address, port: 80, host: "example.com"))
        #expect(EgressPolicy.anywhere.allows(address, port: 80, host: "example.com"))
    }

    @Test(arguments: [
        "1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.1", "100.63.255.255", "100.128.0.1", "126.0.0.1", "128.0.0.1",
        "172.15.255.255", "172.32.0.1", "192.0.1.1", "192.167.1.1", "198.17.255.255", "198.20.0.1", "223.255.255.255",
        "168.63.129.15", "2606:4700::1111", "2a00:1450::1", "2001:200::1", "2003::1", "3ffe::1", "::ffff:1.1.1.1",
    ])
    func `Public addresses are open`(_ text: String) throws {
        #expect(callers.allows(try #require(IPAddress(text)), port: 443, host: "example.com"))
    }

    @Test func `The operator opens ranges and names, and nothing else`() throws {
        let range = try #require(NetworkRange("10.1.0.0/16"))
        let policy = EgressPolicy(allowing: [range], hosts: ["hooks.internal"])
        #expect(policy.allows(try #require(IPAddress("10.1.2.3")), port: 80, host: "x"))
        #expect(policy.allows(try #require(IPAddress("::ffff:10.1.2.3")), port: 80, host: "x"))
        #expect(!policy.allows(try #require(IPAddress("10.2.0.1")), port: 80, host: "x"))
        #expect(policy.allows(try #require(IPAddress("192.168.0.1")), port: 80, host: "hooks.internal"))
        #expect(!policy.allows(try #require(IPAddress("192.168.0.1")), port: 80, host: "other.internal"))
    }

    @Test func `Our own port stays closed, even where loopback is open`() throws {
        let loopback = try #require(NetworkRange("127.0.0.0/8"))
        let policy = EgressPolicy(allowing: [loopback], hosts: ["localhost"], listener: .init(port: 3000))
        for text in ["127.0.0.1", "127.0.0.2", "::1", "::ffff:127.0.0.1", "0.0.0.0", "::"] {
            #expect(!policy.allows(try #require(IPAddress(text)), port: 3000, host: "localhost"), "\(text)")
        }
        #expect(policy.allows(try #require(IPAddress("127.0.0.1")), port: 3001, host: "localhost"))
    }

    @Test func `Our own port stays closed on every address of this machine`() throws {
        let ours = try #require(IPAddress("10.1.2.3"))
        let range = try #require(NetworkRange("10.0.0.0/8"))
        let policy = EgressPolicy(allowing: [range], hosts: ["me.internal"], listener: .init(port: 3000))
        func allows(_ address: String, _ port: Int) throws -> Bool {
            policy.allows(try #require(IPAddress(address)), port: port, host: "me.internal", ours: { [ours] })
        }
        #expect(try !allows("10.1.2.3", 3000) && !allows("::ffff:10.1.2.3", 3000))
        #expect(try allows("10.1.2.3", 3001) && allows("10.1.2.4", 3000))
        // As the system says it.
        #expect(SocketAddress.ofThisMachine().contains { $0.isLoopback })
    }
}
