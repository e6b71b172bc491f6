/// HTTP status codes in the words of error texts.
enum StatusText {
    /// `Server error: HTTP 500 - Internal Server Error` (reference/asyncqueue-observability.txt).
    static func error(_ status: Int) -> String {
        let kind = status >= 500 ? "Server error" : "Client error"
        return "\(kind): HTTP \(status)" + (phrase(status).map { " - \($0)" } ?? "")
    }

    /// What a target means that may be asked again (CONTRACT 3, Handlers).
    static func asksForRetry(_ status: Int) -> Bool { status >= 500 || [408, 425, 429].contains(status) }

    /// RFC 9110, section 15, and the IANA registry.
    static func phrase(_ status: Int) -> String? {
        switch status {
        case 400: "Bad Request"
        case 401: "Unauthorized"
        case 402: "Payment Required"
        case 403: "Forbidden"
        case 404: "Not Found"
        case 405: "Method Not Allowed"
        case 406: "Not Acceptable"
        case 408: "Request Timeout"
        case 409: "Conflict"
        case 410: "Gone"
        case 411: "Length Required"
        case 412: "Precondition Failed"
        case 413: "Content Too Large"
        case 414: "URI Too Long"
        case 415: "Unsupported Media Type"
        case 418: "I'm a teapot"
        case 421: "Misdirected Request"
        case 422: "Unprocessable Content"
        case 423: "Locked"
        case 425: "Too Early"
        case 428: "Precondition Required"
        case 429: "Too Many Requests"
        case 431: "Request Header Fields Too Large"
        case 451: "Unavailable For Legal Reasons"
        case 500: "Internal Server Error"
        case 501: "Not Implemented"
        case 502: "Bad Gateway"
        case 503: "Service Unavailable"
        case 504: "Gateway Timeout"
        case 505: "HTTP Version Not Supported"
        case 507: "Insufficient Storage"
        default: nil
        }
    }
}
