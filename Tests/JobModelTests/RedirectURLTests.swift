import JobModel
import Testing

@Suite struct RedirectURLTests {
    @Test(arguments: [
        "https://example.com", "http://example.com/a?b#c", "HTTPS://EXAMPLE.COM", "http://[::1]:8080/", "http://a:80",
        "http://user@example.com/", "/", "/a/b?c", "/a//b",
    ])
    func `A URL of http with a host and an absolute path lead somewhere`(_ text: String) {
        #expect(RedirectURL.isValid(text))
    }

    @Test(arguments: [
        "", "http://", "https://", "http:///path", "http://?query", "http://#part", "http://:80/", "http://user@/",
        "http://user@:80", "http:/example.com", "http:example.com", "http://example.com:99999/",
        "http://example.com:x/",
        "http://[::1/", "http://\\example.com", "//example.com", "/\\example.com", "javascript:alert(1)", "ftp://a/",
        "example.com", "a/b", "http://a b/", "http://a/\r\nX: y", "http://a/\u{0}", "http://\u{e4}.example/", "/ü",
    ])
    func `What lacks a host, or could be read as another place, leads nowhere`(_ text: String) {
        #expect(!RedirectURL.isValid(text))
    }
}
