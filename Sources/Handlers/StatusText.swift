internal import Outbound

/// HTTP status codes in the words of error texts.
enum StatusText {
    /// `Server error: HTTP 500 - Internal Server Error` (reference/asyncqueue-observability.txt).
    static func error(_ status: Int) -> String {
        let kind = status >= 500 ? "Server error" : status >= 400 ? "Client error" : "Unwanted answer"
        return "\(kind): HTTP \(status)" + (StatusPhrases.phrase(status).map { " - \($0)" } ?? "")
    }

    /// What a target means that may be asked again (CONTRACT 3, Handlers).
    static func asksForRetry(_ status: Int) -> Bool { status >= 500 || [408, 425, 429].contains(status) }
}
