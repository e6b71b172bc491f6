internal import JobModel

/// What the status of an answer says about an attempt that it did not complete.
extension HTTPStatus {
    /// `Server error: HTTP 500 - Internal Server Error` (reference/asyncqueue-observability.txt).
    var failure: String {
        let kind = code >= 500 ? "Server error" : code >= 400 ? "Client error" : "Unwanted answer"
        return "\(kind): HTTP \(code)" + (phrase.map { " - \($0)" } ?? "")
    }
}
