/// `.env`: `NAME=value` lines, `#` comments, an optional `export`, single or double quotes.
enum DotEnv {
    static func parse(_ text: String) -> [String: String] {
        var values: [String: String] = [:]
        // Editors of some platforms write a byte-order mark, which would be part of the first name.
        let scalars = text.unicodeScalars
        let text = scalars.first == "\u{FEFF}" ? Substring(scalars.dropFirst()) : Substring(text)
        for line in text.split(whereSeparator: \.isNewline) {
            var line = line.trimmed
            if line.hasPrefix("export ") { line = String(line.dropFirst(7)) }
            guard !line.hasPrefix("#"), let equals = line.firstIndex(of: "=") else { continue }
            let name = line[..<equals].trimmed
            let value = line[line.index(after: equals)...].trimmed
            values[name] = unquoted(value)
        }
        return values
    }

    private static func unquoted(_ value: String) -> String {
        if let quote = value.first, quote == "\"" || quote == "'", value.count >= 2,
            let end = value.dropFirst().firstIndex(of: quote)
        {
            let inner = String(value[value.index(after: value.startIndex)..<end])
            return quote == "\"" ? inner.replacing("\\n", with: "\n") : inner
        }
        guard let comment = value.firstRange(of: " #") else { return value }
        return value[..<comment.lowerBound].trimmed
    }
}
