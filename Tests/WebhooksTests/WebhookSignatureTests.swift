import Foundation
import JobModel
import Testing
import Webhooks

@Suite struct WebhookSignatureTests {
    private static let body = Array(#"{"test": 2432232314}"#.utf8)

    /// The example of Standard Webhooks' own libraries.
    @Test func `The standard scheme signs as its reference libraries do`() {
        let signature = WebhookSignature(secret: Secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"))
        #expect(
            signature.standard(id: "msg_p5jXN8AQM9LWM0D4loKWxJek", timestamp: 1_614_265_330, Self.body)
                == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")
    }

    /// RFC 4231, test case 2.
    @Test func `The plain scheme is an HMAC of the raw body in hex`() {
        #expect(
            WebhookSignature(secret: Secret("Jefe")).plain(Array("what do ya want for nothing?".utf8))
                == "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843")
    }

    @Test func `A secret that is not Base64 behind its mark counts as it is written`() {
        for text in ["whsec_!!!", "whsec_", "plain secret"] {
            let signature = WebhookSignature(secret: Secret(text))
            // Both schemes then use the same key: the standard one of "1.2.body" is the plain one of these bytes.
            let standard = signature.standard(id: "1", timestamp: 2, Self.body).dropFirst(3)
            let plain = signature.plain(Array("1.2.".utf8) + Self.body).dropFirst(7)
            let hex = Data(base64Encoded: String(standard))?.map { String(format: "%02x", $0) }.joined()
            #expect(hex == String(plain), "\(text)")
        }
    }

    @Test func `A changed byte, id or time changes the signature`() {
        let signature = WebhookSignature(secret: Secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"))
        let right = signature.standard(id: "a", timestamp: 1, Self.body)
        #expect(signature.standard(id: "b", timestamp: 1, Self.body) != right)
        #expect(signature.standard(id: "a", timestamp: 2, Self.body) != right)
        #expect(signature.standard(id: "a", timestamp: 1, Self.body + [0x20]) != right)
        #expect(signature.plain(Self.body + [0x20]) != signature.plain(Self.body))
    }

    @Test func `Everybody has a secret of their own, the same every time, unless the team has one`() {
        let key = Secret(String(repeating: "k", count: 64))
        let secrets = WebhookSecrets(serverKey: key, team: nil)
        let job = JobID(row: 1, random: 1)
        let all: [WebhookSigner] = [.operator, .account("a"), .account("b"), .job(job), .secret(Secret("own"))]
        let texts = all.map { secrets.secret(of: $0).revealed }
        #expect(Set(texts).count == all.count)
        #expect(texts.last == "own")
        #expect(texts.dropLast().allSatisfy { $0.hasPrefix("whsec_") && $0.utf8.count == 50 })
        #expect(all.map { WebhookSecrets(serverKey: key, team: nil).secret(of: $0).revealed } == texts)
        let others = WebhookSecrets(serverKey: Secret(String(repeating: "j", count: 64)), team: nil)
        #expect(others.secret(of: .account("a")).revealed != texts[1])
        let team = WebhookSecrets(serverKey: key, team: Secret("team"))
        #expect(all.dropLast().allSatisfy { team.secret(of: $0).revealed == "team" })
        #expect(team.secret(of: .secret(Secret("own"))).revealed == "own")
        #expect(team.secretToTell(of: .job(job)) == nil)
        #expect(secrets.secretToTell(of: .job(job))?.revealed == texts[3])
    }
}
