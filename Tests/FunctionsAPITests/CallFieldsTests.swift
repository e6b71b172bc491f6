import JobModel
import JobStore
import NIOHTTP1
import PayloadSchema
import Testing

@testable import FunctionsAPI

@Suite struct StatusPartsTests {
    @Test func `A status is rendered without the job's payload, whatever its function's redirects are`() {
        #expect(StatusPage.parts == .value)
    }
}

@Suite struct CallFieldsTests {
    @Test(arguments: [("Key", "\u{212A}ey"), ("\u{E9}", "e\u{301}")])
    func `Query names are the same when their bytes are`(_ one: String, _ other: String) {
        let object = CallFields.parameters(
            query: [(name: one, value: "1"), (name: other, value: "2"), (name: one, value: "3")], path: [])
        #expect(object.members.count == 2)
        #expect(object[one] == ["1", "3"])
        #expect(object[other] == "2")
    }

    @Test func `The path wins, and wait is not the function's`() {
        let object = CallFields.parameters(
            query: [(name: "a", value: "1"), (name: "wait", value: "2"), (name: "b", value: "3")],
            path: [(name: "a", value: "4")])
        #expect(object.members.map(\.name) == ["a", "b"])
        #expect(object["a"] == "4")
    }

    @Test func `Credentials for this server go no further, however their field is written`() throws {
        var target = HTTPTarget(url: try Template("https://h/"))
        target.forwardHeaders = ["AUTHORIZATION", "X-Key"]
        let headers: HTTPHeaders = ["Authorization": "Bearer a", "x-key": "b", "X-\u{212A}ey": "c"]
        let ours = CallFields.forwarded(headers, to: .http(target), isCredential: { $0 == "Bearer a" })
        #expect(ours == [HeaderField(name: "X-Key", value: "b")])
        let theirs = CallFields.forwarded(headers, to: .http(target), isCredential: { _ in false })
        #expect(theirs.map(\.name) == ["AUTHORIZATION", "X-Key"])
    }
}
