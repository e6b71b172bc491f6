import Testing

@testable import Outbound

/// What makes an answer worthless before its body comes.
@Suite struct AnswerHeadTests {
    /// What comes of these lines, behind a 200 unless they begin with another status line.
    private func read(_ lines: String...) -> (failure: OutboundFailure?, head: AnswerHead) {
        var head = AnswerHead()
        let start = lines.first?.hasPrefix("HTTP/") == true ? [] : ["HTTP/1.1 200 OK"]
        for line in start + lines {
            let failure = Array("\(line)\r\n".utf8).withUnsafeBytes { head.take($0) }
            if let failure { return (failure, head) }
        }
        return (nil, head)
    }

    @Test(arguments: [
        ["5"], ["5", "5"], ["5, 5"], [" 5 ,5\t", "5"], ["0"], ["05", "5"], ["0", "00"], ["99999999999999999999999"],
    ])
    func `One length is one, however often it is said`(_ values: [String]) {
        var head = AnswerHead()
        for line in ["HTTP/1.1 200 OK"] + values.map({ "Content-Length: \($0)" }) {
            let failure = Array("\(line)\r\n".utf8).withUnsafeBytes { head.take($0) }
            #expect(failure == nil, "\(values)")
        }
    }

    @Test(
        arguments: [
            (["5", "6"], OutboundFailure.lengthsDiffer), (["5, 6"], .lengthsDiffer), (["5", "5, 50"], .lengthsDiffer),
            (["0", "5"], .lengthsDiffer), (["-5"], .notHTTP), (["+5"], .notHTTP), (["5x"], .notHTTP), ([""], .notHTTP),
            (["5,"], .notHTTP), (["0x5"], .notHTTP), (["5 5"], .notHTTP),
        ] as [([String], OutboundFailure)])
    func `Lengths that differ, and what is not a length, are refused`(_ values: [String], _ failure: OutboundFailure) {
        var head = AnswerHead()
        var found: OutboundFailure?
        for line in ["HTTP/1.1 200 OK"] + values.map({ "content-LENGTH:\($0)" }) where found == nil {
            found = Array("\(line)\r\n".utf8).withUnsafeBytes { head.take($0) }
        }
        #expect(found == failure, "\(values)")
    }

    @Test func `Interim answers and trailers say nothing about the body`() {
        let (failure, head) = read(
            "HTTP/1.1 103 Early Hints", "Content-Length: 1", "Content-Encoding: gzip, gzip", "", "HTTP/1.1 200 OK",
            "Content-Length: 5", "X-A: 1", "", "Content-Length: 7", "Content-Encoding: gzip", "HTTP/1.1 101 X",
            "Location: /elsewhere")
        #expect(failure == nil && !head.isCoded)
        #expect(String(decoding: head.lines, as: UTF8.self) == "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-A: 1\r\n")
        #expect(read("HTTP/1.1 100 Continue", "", "HTTP/1.1 101 Switching Protocols").failure == .protocolSwitched)
    }

    @Test(
        arguments: [
            ("Content-Encoding: gzip", true, nil), ("content-encoding:br", true, nil),
            ("Content-Encoding: identity", false, nil), ("Content-Encoding: ", false, nil),
            ("Content-Encoding: identity, gzip", true, nil), ("Content-Encodings: gzip", false, nil),
            ("Content-Encoding: gzip, gzip", true, OutboundFailure.codingNotDecoded),
            ("Content-Encoding: br,gzip", true, .codingNotDecoded), ("Transfer-Encoding: chunked", false, nil),
            ("Transfer-Encoding: gzip, chunked", false, .codingNotDecoded),
            ("transfer-encoding: x", false, .codingNotDecoded),
        ] as [(String, Bool, OutboundFailure?)])
    func `One coding of the content is taken`(_ line: String, _ isCoded: Bool, _ failure: OutboundFailure?) {
        let (found, head) = read(line)
        #expect(found == failure && head.isCoded == isCoded)
    }

    @Test func `Two fields with a coding each are two codings`() {
        #expect(read("Content-Encoding: gzip", "Content-Encoding: gzip").failure == .codingNotDecoded)
    }

    @Test(arguments: [("HTTP/1.1 200 OK", true), ("HTTP/1.0 404 No", true), ("HTTP/2 200 ", false)])
    func `The version is known`(_ line: String, _ isFirst: Bool) {
        #expect(read(line).head.isHTTP1 == isFirst)
    }

    @Test(arguments: [
        "HTTP/", "HTTP/1.1", "HTTP/1.1 ", "HTTP/1.1 abc", "HTTP/1.1 99999999999999999999", ":", "c", "T:",
    ])
    func `A line that is none is no reason to fall over`(_ line: String) { #expect(read(line).failure == nil) }
}
