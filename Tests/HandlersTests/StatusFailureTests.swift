import JobModel
import Testing

@testable import Handlers

@Suite struct StatusFailureTests {
    @Test(arguments: [
        (500, "Server error: HTTP 500 - Internal Server Error"),
        (422, "Client error: HTTP 422 - Unprocessable Content"),
        (304, "Unwanted answer: HTTP 304 - Not Modified"), (599, "Server error: HTTP 599"),
        (999, "Server error: HTTP 999"),
    ])
    func `An error says which side it is on, the code and its phrase`(_ code: Int, _ text: String) {
        #expect(HTTPStatus(code).failure == text)
    }
}
