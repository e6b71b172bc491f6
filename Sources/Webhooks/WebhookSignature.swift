private import FoundationEssentials
private import Hashing
package import JobModel
private import PayloadSchema

/// Signs what leaves, in two schemes at once: an HMAC-SHA256 of the raw body in hex (reference/asyncly-api.txt), and
/// Standard Webhooks 1.0 (https://www.standardwebhooks.com), which signs id and time with it.
package struct WebhookSignature: Sendable {
    private let plainKey: HMACSHA256
    private let standardKey: HMACSHA256

    /// The plain scheme uses the secret's UTF-8 bytes, the standard one what is Base64 behind `whsec_`, else the UTF-8
    /// bytes too (CONTRACT 7).
    package init(secret: Secret) {
        let bytes = Array(secret.revealed.utf8)
        plainKey = HMACSHA256(key: bytes)
        standardKey = HMACSHA256(key: secret.markedKey.map { Array($0) } ?? bytes)
    }

    /// A new secret in the form that Standard Webhooks' libraries take.
    package static func secret(from bytes: [UInt8]) -> Secret {
        Secret(Secret.signingMarker + Data(bytes).base64EncodedString())
    }

    /// `sha256=<hex>` of the body alone.
    package func plain(_ body: [UInt8]) -> String {
        "sha256=" + Hexadecimal.text(plainKey.code(of: body).bytes)
    }

    /// `v1,<base64>` of `id.timestamp.body`.
    ///
    /// - Parameter timestamp: whole seconds since 1970.
    package func standard(id: String, timestamp: Int64, _ body: [UInt8]) -> String {
        let code = standardKey.code(of: Array("\(id).\(timestamp).".utf8), body)
        return "v1," + Data(code.bytes).base64EncodedString()
    }

    /// The header fields of both schemes.
    ///
    /// - Parameters:
    ///   - id: the same for every attempt at one message.
    ///   - prefix: begins the names of the two fields that no standard names.
    package func fields(
        id: String, attempt: Int, at time: Timestamp, prefix: String, _ body: [UInt8]
    ) -> [(name: String, value: String)] {
        let seconds = time.milliseconds / 1000
        return [
            ("\(prefix)-Signature", plain(body)), ("\(prefix)-Attempt", "\(attempt)"), ("webhook-id", id),
            ("webhook-timestamp", "\(seconds)"), ("webhook-signature", standard(id: id, timestamp: seconds, body)),
        ]
    }
}
