internal import PayloadSchema

/// What commands print: results on stdout, everything else on stderr.
enum Console {
    static func line(_ value: JSONValue) { print(value.text) }

    /// For people who look; a pipe gets none of it.
    static func note(_ text: String) { StandardError.write("\(text)\n") }

    static func error(_ text: String) { StandardError.write("error: \(text)\n") }
}
