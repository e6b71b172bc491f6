private import Hashing
internal import JobModel
private import PayloadSchema

/// An API key as its holder has it: `slc_<8 hex digits to tell keys apart>_<64 hex digits, the secret>`.
struct KeyText {
    /// So that scanners for secrets find a key that leaked.
    static let mark = "slc_"

    let prefix: String
    let whole: Secret
    let hash: [UInt8]

    init(random: () -> UInt64) {
        prefix = Self.mark + Hexadecimal.text(random()).prefix(8)
        whole = Secret("\(prefix)_" + (0..<4).map { _ in Hexadecimal.text(random()) }.joined())
        hash = Self.hash(of: whole.revealed)
    }

    static func hash(of text: String) -> [UInt8] { SHA256.hash(text).bytes }

    /// Whether it can be a key at all.
    static func isKey(_ text: String) -> Bool { text.hasPrefix(mark) && text.utf8.count == 77 }
}
