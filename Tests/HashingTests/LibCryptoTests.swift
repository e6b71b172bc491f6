import CCrypto
import Foundation
import Hashing
import Testing

@Suite struct LibCryptoTests {
    @Test func `Nothing is freed at exit while threads may still hash`() async {
        await #expect(processExitsWith: .exitCode(0)) {
            _ = SHA256.hash("a")
            OPENSSL_atexit { _exit(3) }
            exit(0)
        }
    }

    @Test func `Hashes need nothing of openssl.cnf`() async {
        await #expect(processExitsWith: .exitCode(0)) {
            let file = FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID()).cnf")
            // No algorithm is left in the library's own context.
            let text = "openssl_conf = a\n[a]\nproviders = b\n[b]\nnull = c\n[c]\nactivate = 1\n"
            try text.write(to: file, atomically: true, encoding: .utf8)
            defer { try? FileManager.default.removeItem(at: file) }
            setenv("OPENSSL_CONF", file.path, 1)
            let hash = SHA256.hash("abc").leading
            let code = HMACSHA256(key: Array("Jefe".utf8)).code(of: Array("what do ya want for nothing?".utf8)).leading
            #expect(EVP_MD_fetch(nil, "SHA256", nil) == nil)
            #expect(hash == 0xBA78_16BF_8F01_CFEA)
            #expect(code == 0x5BDC_C146_BF60_754E)
        }
    }
}
