import JobModel
import Testing

@Suite struct HTTPStatusTests {
    @Test(arguments: [
        (200, "OK"), (202, "Accepted"), (303, "See Other"), (408, "Request Timeout"), (413, "Content Too Large"),
        (416, "Range Not Satisfiable"), (422, "Unprocessable Content"), (503, "Service Unavailable"),
        (511, "Network Authentication Required"),
    ])
    func `A registered code has its phrase`(_ code: Int, _ phrase: String) {
        #expect(HTTPStatus(code).phrase == phrase)
        #expect(HTTPStatus(code).text == phrase)
    }

    @Test(arguments: [Int.min, -1, 0, 99, 104, 299, 306, 419, 499, 510, 599, 600, Int.max])
    func `Another one has none, and is told by its number`(_ code: Int) {
        #expect(HTTPStatus(code).phrase == nil)
        #expect(HTTPStatus(code).text == "HTTP \(code)")
    }
}
