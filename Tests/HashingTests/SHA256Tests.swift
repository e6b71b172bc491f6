import Foundation
import Hashing
import Testing

@Suite struct SHA256Tests {
    private static func hex(_ digest: Digest) -> String {
        digest.bytes.map { String(format: "%02x", $0) }.joined()
    }

    /// RFC 6234, section 8.5.
    @Test(arguments: [
        ("abc", 1, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (
            "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 1,
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
        ),
        ("a", 1_000_000, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"),
        (
            "0123456701234567012345670123456701234567012345670123456701234567", 10,
            "594847328451bdfa85056225462cc1d867d877fb388df0ce35f25ab5562bfbb5"
        ),
        ("\u{19}", 1, "68aa2e2ee5dff96e3355e6c7ee373e3d6a4e17f75f9518d843709c0c9bc3e3d4"),
        ("", 1, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
    ])
    func `Hashes are those of the standard`(_ text: String, _ times: Int, _ hash: String) {
        let whole = String(repeating: text, count: times)
        #expect(Self.hex(SHA256.hash(Array(whole.utf8))) == hash)
        #expect(Self.hex(SHA256.hash(whole)) == hash)
        let inPieces = SHA256.hash { hash in
            for _ in 0..<times { hash.update(text) }
        }
        #expect(Self.hex(inPieces) == hash)
    }

    @Test func `Any pieces hash as the whole does`() {
        let whole = (0..<200).map { UInt8($0) }
        let expected = SHA256.hash(whole)
        for first in 0...whole.count {
            let second = (first + whole.count) / 2
            let digest = SHA256.hash { hash in
                hash.update(Array(whole[..<first]))
                whole[first..<second].withUnsafeBytes { hash.update($0) }
                hash.update([])
                hash.update(Array(whole[second...]))
            }
            #expect(digest == expected, "\(first)")
        }
    }

    @Test func `Texts hash as their UTF-8 bytes`() {
        for text in ["", "ü", "e\u{301}", String(repeating: "日本", count: 40)] {
            #expect(SHA256.hash(text) == SHA256.hash(Array(text.utf8)))
        }
    }

    @Test func `The leading number is the first eight bytes`() {
        #expect(SHA256.hash("abc").leading == 0xBA78_16BF_8F01_CFEA)
    }

    @Test func `Other input, other digest`() {
        #expect(SHA256.hash("a") != SHA256.hash("b"))
    }

    @Test func `A hash may be begun while another is under way`() {
        var inner: [Digest] = []
        let outer = SHA256.hash { hash in
            hash.update("a")
            inner.append(SHA256.hash("abc"))
            hash.update("b")
            inner.append(
                SHA256.hash { hash in
                    hash.update("ab")
                    inner.append(SHA256.hash("abc"))
                    hash.update("c")
                })
            hash.update("c")
        }
        #expect(Set(([outer] + inner).map(Self.hex)) == [Self.hex(SHA256.hash("abc"))])
    }

    @Test func `Tasks and threads that hash at once do not disturb each other`() async {
        let inputs = (0..<64).map { number in (0..<number * 5).map { UInt8(truncatingIfNeeded: number &+ $0) } }
        let expected = inputs.map { SHA256.hash($0) }
        let key = HMACSHA256(key: [1, 2, 3])
        let codes = inputs.map { key.code(of: $0) }
        @Sendable func wrong(_ index: Int) -> Int {
            (0..<200).count { _ in
                SHA256.hash(inputs[index]) != expected[index] || key.code(of: inputs[index]) != codes[index]
            }
        }
        await withTaskGroup(of: Int.self) { group in
            for index in inputs.indices {
                group.addTask { wrong(index) }
                // Threads that end leave their contexts behind.
                group.addTask {
                    await withCheckedContinuation { continuation in
                        Thread.detachNewThread { continuation.resume(returning: wrong(index)) }
                    }
                }
            }
            for await count in group { #expect(count == 0) }
        }
    }
}
