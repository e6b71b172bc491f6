internal import JobModel
internal import NIOCore
internal import NIOHTTP1

/// Header fields and query values that more than one surface reads. Everything here comes from outside.
package enum RequestFields {
    /// The `Prefer` field (RFC 7240). What is not understood is ignored, as the RFC wants.
    package struct Preferences: Equatable {
        /// Seconds, at most 25.
        package var wait: Int?
        package var respondAsync = false
    }

    package static func preferences(_ request: ServerRequest) -> Preferences {
        var preferences = Preferences()
        guard request.carries(.prefer) else { return preferences }
        for item in request.headers["prefer"].flatMap({
            $0.utf8.split(separator: UInt8(ascii: ","), maxSplits: HTTPLimits.preferences).map { Substring($0) }
        }).prefix(HTTPLimits.preferences) {
            // Parameters after ";" belong to no preference that is known here.
            let preference = item.split(separator: ";", omittingEmptySubsequences: false).first ?? ""
            let parts = preference.split(separator: "=", maxSplits: 1).map { trimmed($0) }
            switch parts.first?.asciiLowercased {
            case "respond-async"? where parts.count == 1:
                preferences.respondAsync = true
            case "wait"? where parts.count == 2 && preferences.wait == nil:
                preferences.wait = seconds(unquoted(parts[1]))
            default:
                break
            }
        }
        return preferences
    }

    /// `?wait=20`: clamped to 25; anything but whole seconds is a 400.
    package static func wait(_ query: [(name: String, value: String)]) throws(Problem) -> Int? {
        let values = query.filter { $0.name == "wait" }
        guard let value = values.first?.value else { return nil }
        guard values.count == 1, let seconds = seconds(value) else {
            throw Problem(400, "\"wait\" takes one whole number of seconds, from 0 to \(Limits.longPollSeconds).")
        }
        return seconds
    }

    /// Digits only, clamped; nil for anything else.
    private static func seconds(_ text: String) -> Int? {
        guard !text.isEmpty, text.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }) else { return nil }
        return min(Int(text) ?? .max, Limits.longPollSeconds)
    }

    /// `?force=true`.
    package static func force(_ query: [(name: String, value: String)]) throws(Problem) -> Bool {
        switch query.last(where: { $0.name == "force" })?.value {
        case nil, "false"?: return false
        case "true"?, ""?: return true
        case _?: throw Problem(400, "\"force\" is true or false.")
        }
    }

    package static func query(_ request: ServerRequest) throws(Problem) -> [(name: String, value: String)] {
        let count = (request.rawQuery ?? "").utf8.reduce(1) { $0 + ($1 == UInt8(ascii: "&") ? 1 : 0) }
        guard count <= HTTPLimits.queryItems else {
            throw Problem(400, "The query has \(count) values; at most \(HTTPLimits.queryItems) are taken.")
        }
        do {
            return try Query.items(of: request.rawQuery)
        } catch {
            throw Problem(400, "The query is not percent-encoded UTF-8 without control characters.")
        }
    }

    /// A body is JSON and says so. An empty one needs no type.
    package static func checkJSON(_ request: ServerRequest) throws(Problem) {
        if !request.body.isEmpty { try checkJSONType(request) }
    }

    /// What a body that is not empty says of itself.
    package static func checkJSONType(_ request: ServerRequest) throws(Problem) {
        let hint = "Send JSON with -H 'Content-Type: application/json' (curl --json does)."
        let types = request.headers["content-type"]
        if types.count == 1, types[0].isSameIgnoringASCIICase(as: "application/json"),
            !request.carries(.contentEncoding)
        {
            return
        }
        guard types.count == 1, let value = types.first else {
            throw Problem(415, types.isEmpty ? "The body has no Content-Type. \(hint)" : "Two Content-Types. \(hint)")
        }
        // By bytes: a combining mark behind a semicolon makes another `Character` of it.
        let parts = value.utf8.split(separator: UInt8(ascii: ";")).map { trimmed(Substring($0)).asciiLowercased }
        let type = parts.first ?? ""
        guard type == "application/json" || (type.hasPrefix("application/") && type.hasSuffix("+json")) else {
            throw Problem(415, "The body's type is \(type). \(hint)")
        }
        if let charset = parts.dropFirst().first(where: { $0.hasPrefix("charset=") }),
            unquoted(String(charset.dropFirst(8))) != "utf-8"
        {
            throw Problem(415, "JSON is UTF-8. \(hint)")
        }
        let codings = request.headers["content-encoding"].filter { !$0.isSameIgnoringASCIICase(as: "identity") }
        guard codings.isEmpty else { throw Problem(415, "Compressed bodies are not understood. \(hint)") }
    }

    /// Without spaces and tabs around it: OWS (RFC 9110, section 5.6.3).
    package static func trimmed(_ text: Substring) -> String {
        var rest = text.utf8
        while let first = rest.first, first == UInt8(ascii: " ") || first == UInt8(ascii: "\t") { rest.removeFirst() }
        while let last = rest.last, last == UInt8(ascii: " ") || last == UInt8(ascii: "\t") { rest.removeLast() }
        return String(Substring(rest))
    }

    package static func unquoted(_ text: String) -> String {
        text.utf8.count >= 2 && text.hasPrefix("\"") && text.hasSuffix("\"")
            ? String(text.dropFirst().dropLast()) : text
    }
}
