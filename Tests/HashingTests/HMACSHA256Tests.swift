import Foundation
import Hashing
import Testing

@Suite struct HMACSHA256Tests {
    private static func hex(_ digest: Digest) -> String {
        digest.bytes.map { String(format: "%02x", $0) }.joined()
    }

    private static func times(_ count: Int, _ byte: UInt8) -> [UInt8] { [UInt8](repeating: byte, count: count) }

    /// RFC 4231, section 4, but for the one case that cuts the code off. The last row is an empty key, which no RFC has.
    @Test(
        arguments: [
            (
                times(20, 0x0B), Array("Hi There".utf8),
                "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"
            ),
            (
                Array("Jefe".utf8), Array("what do ya want for nothing?".utf8),
                "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
            ),
            (times(20, 0xAA), times(50, 0xDD), "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"),
            (Array(1...25), times(50, 0xCD), "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"),
            (
                times(131, 0xAA), Array("Test Using Larger Than Block-Size Key - Hash Key First".utf8),
                "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
            ),
            (
                times(131, 0xAA),
                Array(
                    ("This is a test using a larger than block-size key and a larger than block-size data. "
                        + "The key needs to be hashed before being used by the HMAC algorithm.").utf8),
                "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"
            ),
            ([], [], "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad"),
        ] as [([UInt8], [UInt8], String)])
    func `Codes are those of the standard`(_ key: [UInt8], _ text: [UInt8], _ code: String) {
        // What another key leaves in this thread's context changes nothing.
        _ = HMACSHA256(key: [7]).code(of: [7])
        #expect(Self.hex(HMACSHA256(key: key).code(of: text)) == code)
        for cut in 0...text.count {
            let pieces = HMACSHA256(key: key).code(of: Array(text[..<cut]), [], Array(text[cut...]))
            #expect(Self.hex(pieces) == code, "\(cut)")
        }
    }

    @Test func `Whatever prints a key shows nothing of it`() {
        let key = HMACSHA256(key: [201, 202, 203])
        var dumped = ""
        dump(key, to: &dumped)
        for text in ["\(key)", String(reflecting: key), dumped] { #expect(!text.contains("201"), "\(text)") }
    }
}
