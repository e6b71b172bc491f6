import JobModel
import Testing

@Suite struct CallerAddressTests {
    private static func job(owner: String?, client: String?) -> Job {
        Job(
            id: JobID(row: 1, random: 1), function: "f", owner: owner, client: client, revision: "r",
            createdAt: Timestamp(milliseconds: 0))
    }

    @Test(arguments: [
        ("192.0.2.1", "192.0.2.1"), ("::ffff:192.0.2.1", "192.0.2.1"), ("255.255.255.255", "255.255.255.255"),
        ("2001:db8:0:7::1", "2001:db8:0:7::/64"), ("2001:db8:0:7:ffff::2", "2001:db8:0:7::/64"),
        ("2001:db8::1", "2001:db8::/64"), ("fe80::1", "fe80::/64"), ("64:ff9b::192.0.2.1", "64:ff9b::/64"),
        ("::1", "::/64"),
    ])
    func `An address stands for itself, of IPv6 the first 64 bits do, and it is stored as one number`(
        _ text: String, _ subscriber: String
    ) throws {
        let address = try #require(CallerAddress(text))
        #expect(address.description == subscriber)
        #expect(CallerAddress(number: address.number) == address)
        #expect(address.isIPv4 == !subscriber.contains(":"))
        #expect(address.bytes.count == (address.isIPv4 ? 4 : 8))
    }

    @Test func `Others are others`() {
        let texts = ["192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8:0:1::1", "fe80::1", "::1"]
        #expect(Set(texts.map { CallerAddress($0) }).count == texts.count)
    }

    @Test(arguments: ["", "nobody", "1.2.3", "1.2.3.4:5", "[::1]", "2001:db8::/64", "fe80::1%eth0"])
    func `What is not an address is nobody's`(_ text: String) { #expect(CallerAddress(text) == nil) }

    @Test(
        arguments: [
            (nil, "192.0.2.1", true), (nil, "2001:db8::1", true), (nil, "10.0.0.1", true), ("a", "192.0.2.1", false),
            (Job.adminOwner, "192.0.2.1", false), (nil, nil, false), (nil, "", false), (nil, "127.0.0.1", false),
            (nil, "127.9.8.7", false), (nil, "::1", false), (nil, "::ffff:127.0.0.1", false),
        ] as [(String?, String?, Bool)])
    func `A job is a stranger's when it came without credentials, and not from loopback`(
        _ owner: String?, _ client: String?, _ isStranger: Bool
    ) {
        #expect((Self.job(owner: owner, client: client).stranger != nil) == isStranger)
    }
}

@Suite struct WrittenSizeTests {
    @Test(arguments: [
        (0, "0B"), (1, "1B"), (1023, "1023B"), (1024, "1KiB"), (1025, "1025B"), (65_536, "64KiB"), (10_500, "10KiB"),
        (256 << 20, "256MiB"), (1 << 30, "1GiB"), (3 << 29, "1536MiB"), ((71 << 30) + 5, "71GiB"),
        (850_000_000, "810MiB"),
    ])
    func `Sizes are written as a manifest has them, rounded down`(_ bytes: Int, _ text: String) {
        #expect("\(WrittenSize(bytes))" == text)
    }
}

@Suite struct RedirectTests {
    @Test(arguments: [
        ("https://example.com/a", true), ("http://example.com", true), ("/a/b?c=d", true), ("//example.com", false),
        ("/\\example.com", false), ("javascript:alert(1)", false), ("ftp://example.com", false), ("a", false),
        ("", false), ("/a b", false), ("/a\r\nSet-Cookie: b", false), ("/ü", false),
    ])
    func `A redirect leads to http, https or an absolute path`(_ url: String, _ isLocation: Bool) {
        #expect(RedirectURL.isValid(url) == isLocation)
    }

    @Test(
        arguments: [
            ("/p/{payload.a}", "/p/x%20y"), ("/q/{parameters.b}", "/q/7"), ("{result.url}", "https://example.com/r"),
            ("/wait", "/wait"), ("/p/{payload.missing}", nil), ("{payload.a}", nil), ("{result.other}", nil),
        ] as [(String, String?)])
    func `A template is filled in once, or leads nowhere`(_ text: String, _ url: String?) throws {
        let made = Redirect.url(
            try Template(text), payload: Array(#"{"a":"x y"}"#.utf8), parameters: Array(#"{"b":7}"#.utf8),
            result: Array(#"{"url":"https://example.com/r","other":"//example.com"}"#.utf8))
        #expect(made == url)
    }
}
