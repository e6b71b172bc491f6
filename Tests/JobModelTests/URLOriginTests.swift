import JobModel
import Testing

@Suite struct URLOriginTests {
    @Test(arguments: [
        ("https://u:p@Example.com:8443/a?b", "https://example.com:8443"), ("HTTP://a@b@c/x", "http://c"),
        ("http://[::1]:80#f", "http://[::1]"), ("http://[2001:DB8::1]/", "http://[2001:db8::1]"),
        ("http://[::1]:8080", "http://[::1]:8080"), ("https://h:443", "https://h"), ("https://h:80", "https://h:80"),
        ("http://h:443/", "http://h:443"), ("http://h:0080/", "http://h"), ("http://h:65535", "http://h:65535"),
        ("https://h\\@evil/", "https://h"), ("https://h?@evil", "https://h"), ("https://h#@evil", "https://h"),
        ("http://user:80@h", "http://h"), ("ftp://H:80/", "ftp://h:80"), ("http://h/a://b", "http://h"),
        ("http://\u{212A}:80/", "http://\u{212A}"), ("http://h/\u{301}", "http://h"),
    ])
    func `It is scheme, host and port, and nothing else`(_ url: String, _ origin: String) {
        #expect(URLOrigin(of: url).description.utf8.elementsEqual(origin.utf8))
        #expect(URLOrigin(of: url) == URLOrigin(of: origin))
    }

    @Test(arguments: [
        "", "nothing", "http:", "http:/h", "http:h", "http://", "http:///x", "http://:80/", "http://u@/", "://h",
        "1a://h",
        "a b://h", "http://h:x", "http://h:", "http://h:0", "http://h:65536", "http://h:+80", "http://h:-1",
        "http://h:8\u{301}", "http://h:\u{663}", "/a?b=http://h/",
    ])
    func `What is no URL with a host has none`(_ url: String) { #expect(URLOrigin(of: url).description == "null") }

    @Test(
        arguments: [
            ("http://h", HTTPScheme.http), ("HTTPS://h", .https), ("http://", .http), ("http:/h", nil),
            ("httpx://h", nil),
            ("ftp://h", nil), ("", nil), (" http://h", nil), ("http\u{17F}://h", nil),
        ] as [(String, HTTPScheme?)])
    func `A scheme is told by what stands in front`(_ url: String, _ scheme: HTTPScheme?) {
        #expect(HTTPScheme(of: url) == scheme)
    }

    @Test func `Targets are one when their origins are`() throws {
        let one = HTTPTarget(url: try Template("https://Example.com/{payload.a}"))
        #expect(one.origin == HTTPTarget(url: try Template("HTTPS://u:p@example.com:443/b")).origin)
        #expect(one.origin != HTTPTarget(url: try Template("http://example.com/")).origin)
    }
}
