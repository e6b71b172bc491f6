/// How a piece of text stands out (ECMA-48, "SGR - Select Graphic Rendition").
enum TerminalColor: String {
    case red = "31"
    case green = "32"
    case yellow = "33"
    case dim = "2"
    case bold = "1"

    func around(_ text: String) -> String { "\u{1B}[\(rawValue)m\(text)\u{1B}[0m" }
}
