private import FoundationEssentials
private import Hashing
package import JobModel
internal import NIOHTTP1
internal import PayloadSchema

/// Who a request's credentials name.
package enum Principal: Equatable, Sendable {
    case admin
    case account(String)

    /// As jobs keep it.
    package var owner: String {
        switch self {
        case .admin: Job.adminOwner
        case .account(let id): id
        }
    }

    /// As whom it looks at jobs.
    package var viewer: Viewer {
        switch self {
        case .admin: .admin
        case .account(let id): .account(id)
        }
    }
}

extension Viewer {
    /// Whoever follows a job's link, with credentials or without.
    package static func link(_ principal: Principal?) -> Viewer {
        switch principal {
        case .admin?: .admin
        case .account(let id)?: .link(account: id)
        case nil: .link(account: nil)
        }
    }
}

/// What a request says about who sends it.
package enum Credentials: Equatable, Sendable {
    case missing
    /// Not of our form: at a public function they are between the caller and the target.
    case foreign
    /// Of our form, and not valid.
    case invalid
    case valid(Principal)
}

/// Knows whom a Bearer token names. Called on event loops: it never waits.
package protocol Authenticator: Sendable {
    func principal(token: String) -> Principal?

    /// Whether a text has a credential of this server in it, valid or not, as it is or in Base64.
    func mentionsCredential(_ text: String) -> Bool
}

extension Authenticator {
    /// The `Authorization` field, as CONTRACT 4 wants it read.
    package func credentials(of request: ServerRequest) -> Credentials {
        guard request.carries(.authorization) else { return .missing }
        let values = request.headers["authorization"]
        guard values.count == 1, let value = values.first else { return .invalid }
        if let token = BearerToken.of(value) {
            if let principal = principal(token: token) { return .valid(principal) }
            if AccessToken.isOurs(token) { return .invalid }
        }
        return mentionsCredential(value) ? .invalid : .foreign
    }
}

extension Problem {
    /// - Parameter what: what needs credentials.
    package static func unauthorized(_ what: String) -> Problem {
        Problem(
            401, "\(what) needs credentials: \"Authorization: Bearer <token>\".", kind: "credentials-missing",
            headers: [("WWW-Authenticate", "Bearer")])
    }

    /// RFC 6750, section 3.1.
    static let invalidCredentials = Problem(
        401,
        "These credentials are not valid: the key is unknown or revoked, or it was sent in another form than one "
            + "\"Authorization: Bearer <token>\".",
        kind: "credentials-invalid", headers: [("WWW-Authenticate", "Bearer error=\"invalid_token\"")])
}

/// The one token that may do everything, then the keys of accounts.
package struct BearerAuthenticator: Authenticator {
    private let admin: [UInt8]
    private let account: @Sendable (String) -> String?
    private let keyMark: [UInt8]

    /// - Parameters:
    ///   - keyMark: what every key of an account begins with.
    ///   - account: the id of the account that a token belongs to.
    package init(admin: Secret, keyMark: String, account: @escaping @Sendable (String) -> String?) {
        self.admin = Array(admin.revealed.utf8)
        self.account = account
        self.keyMark = Array(keyMark.utf8)
    }

    package func principal(token: String) -> Principal? {
        if ConstantTime.equal(Array(token.utf8), admin) { return .admin }
        return account(token).map { .account($0) }
    }

    package func mentionsCredential(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        if mentions(bytes) { return true }
        // Basic, and whatever else wraps a token.
        return bytes.split(whereSeparator: { " ,;=:".utf8.contains($0) }).contains { part in
            Base64Text.bytes(of: part).map(mentions) ?? false
        }
    }

    private func mentions(_ bytes: [UInt8]) -> Bool {
        Self.contains(keyMark, in: bytes) || Self.contains(admin, in: bytes)
    }

    /// By the first byte, then the rest: event loops ask this of fields that may have 32 KiB.
    private static func contains(_ needle: [UInt8], in bytes: [UInt8]) -> Bool {
        guard let first = needle.first, bytes.count >= needle.count else { return false }
        return bytes.withUnsafeBytes { haystack in
            for start in 0...(haystack.count - needle.count) where haystack[start] == first {
                let candidate = UnsafeRawBufferPointer(rebasing: haystack[start..<(start + needle.count)])
                if needle.withUnsafeBytes({ $0.elementsEqual(candidate) }) { return true }
            }
            return false
        }
    }
}

enum BearerToken {
    /// RFC 6750, section 2.1; at most 4 KiB.
    static func of(_ value: String) -> String? {
        guard value.utf8.count <= 4096 else { return nil }
        let parts = value.split(separator: " ", maxSplits: 1)
        guard parts.count == 2, parts[0].isSameIgnoringASCIICase(as: "bearer") else { return nil }
        // The scheme is followed by one space or more (RFC 9110, section 11.4).
        return String(parts[1].drop { $0 == " " })
    }
}

/// Access tokens: JSON Web Tokens (RFC 7519) that say `"iss":"sluice"`.
enum AccessToken {
    static func isOurs(_ token: String) -> Bool {
        let parts = token.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 3, let bytes = Base64Text.bytes(of: parts[1].utf8),
            case .object(let claims)? = try? JSONParser.parse(bytes), case .string("sluice")? = claims["iss"]
        else { return false }
        return true
    }
}

enum Base64Text {
    /// RFC 4648, sections 4 and 5, with padding or without; nil for anything else.
    static func bytes(of text: some Sequence<UInt8>) -> [UInt8]? {
        var standard = text.map { byte in
            switch byte {
            case UInt8(ascii: "-"): UInt8(ascii: "+")
            case UInt8(ascii: "_"): UInt8(ascii: "/")
            default: byte
            }
        }
        while standard.count % 4 != 0 { standard.append(UInt8(ascii: "=")) }
        return Data(base64Encoded: Data(standard)).map { Array($0) }
    }
}
