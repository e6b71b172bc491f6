extension Unicode.Scalar {
    /// Whether a terminal may act on it instead of showing it, or show nothing where something is: control characters (C0, DEL,
    /// and C1, which xterm takes as 8-bit escape sequences), line and paragraph separators, and what a font leaves out
    /// (Unicode, "Default_Ignorable_Code_Point"), which has the directions of text and the zero-width characters in it.
    /// Variation selectors are none of them: they choose how the character before them looks.
    package var movesTerminal: Bool {
        switch value {
        case ..<0x20, 0x7F..<0xA0, 0x2028, 0x2029, 0xFFF9...0xFFFB: true
        case ..<0x7F: false
        case 0x180B...0x180D, 0x180F, 0xFE00...0xFE0F, 0xE0100...0xE01EF: false
        default: properties.isDefaultIgnorableCodePoint
        }
    }
}

extension String {
    /// What comes from outside as a terminal may have it: what would act on the terminal is written as JSON escapes it. In JSON
    /// text such characters stand in strings only, so JSON stays JSON and means the same.
    ///
    /// - Parameter keepingLayout: line feeds and tabs stay: the text has lines of its own.
    package func escapedForTerminal(keepingLayout: Bool = false) -> String {
        // Nearly all that is ever shown.
        if utf8.allSatisfy({ (0x20..<0x7F).contains($0) }) { return self }
        var text = ""
        text.reserveCapacity(utf8.count)
        for scalar in unicodeScalars {
            if !scalar.movesTerminal || (keepingLayout && (scalar == "\n" || scalar == "\t")) {
                text.unicodeScalars.append(scalar)
            } else {
                text += scalar.escaped
            }
        }
        return text
    }
}

extension Unicode.Scalar {
    /// As JSON writes it (RFC 8259, section 7).
    fileprivate var escaped: String {
        switch self {
        case "\n": "\\n"
        case "\r": "\\r"
        case "\t": "\\t"
        default:
            String(self).utf16.map { unit in
                let digits = Hexadecimal.text([UInt8(unit >> 8), UInt8(unit & 0xFF)])
                return "\\u\(digits)"
            }.joined()
        }
    }
}
