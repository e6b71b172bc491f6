package import JobModel
package import NIOHTTP1

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

/// Finds out whom a Bearer token names; throws a 503 when that cannot be found out now.
package protocol Authenticator: Sendable {
    func principal(token: String) async throws(Problem) -> Principal?
}

extension Authenticator {
    /// nil when there are no credentials or bad ones.
    package func principal(of headers: HTTPHeaders) async throws(Problem) -> Principal? {
        guard let token = BearerToken.of(headers) else { return nil }
        return try await principal(token: token)
    }
}

extension Authenticator {
    /// For what nobody may do without credentials.
    package func require(_ request: ServerRequest) async throws(Problem) -> Principal {
        guard let principal = try await principal(of: request.headers) else { throw .unauthorized("This") }
        return principal
    }

    /// For what is the operator's alone.
    package func requireAdmin(_ request: ServerRequest) async throws(Problem) {
        guard try await require(request) == .admin else {
            throw Problem(403, "Only the admin token may do this.")
        }
    }
}

extension Problem {
    /// - Parameter what: what needs credentials.
    package static func unauthorized(_ what: String) -> Problem {
        Problem(
            401, "\(what) needs credentials: \"Authorization: Bearer <token>\".",
            headers: [("WWW-Authenticate", "Bearer")])
    }
}

/// The one token that may do everything, then the keys of accounts.
package struct BearerAuthenticator: Authenticator {
    private let admin: [UInt8]
    private let account: @Sendable (String) async throws(Problem) -> String?

    /// - Parameter account: the id of the account that a token belongs to.
    package init(admin: Secret, account: @escaping @Sendable (String) async throws(Problem) -> String?) {
        self.admin = Array(admin.revealed.utf8)
        self.account = account
    }

    package func principal(token: String) async throws(Problem) -> Principal? {
        if ConstantTime.equal(Array(token.utf8), admin) { return .admin }
        return try await account(token).map { .account($0) }
    }
}

package enum BearerToken {
    /// RFC 6750, section 2.1; at most 4 KiB.
    package static func of(_ headers: HTTPHeaders) -> String? {
        let values = headers["authorization"]
        guard values.count == 1, let value = values.first, value.utf8.count <= 4096 else { return nil }
        let parts = value.split(separator: " ", maxSplits: 1)
        guard parts.count == 2, parts[0].isSameIgnoringASCIICase(as: "bearer") else { return nil }
        // The scheme is followed by one space or more (RFC 9110, section 11.4).
        return String(parts[1].drop { $0 == " " })
    }
}

package enum ConstantTime {
    /// Takes as long whether the first byte differs or the last.
    package static func equal(_ left: [UInt8], _ right: [UInt8]) -> Bool {
        guard left.count == right.count else { return false }
        return zip(left, right).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) } == 0
    }
}
