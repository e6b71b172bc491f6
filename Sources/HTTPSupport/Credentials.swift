package import NIOHTTP1

/// Who a request's credentials name.
package enum Principal: Equatable, Sendable {
    case admin
    case account(String)

    /// As jobs keep it.
    package var owner: String {
        switch self {
        case .admin: "admin"
        case .account(let id): id
        }
    }

    /// A job without an owner is read by whoever has its link.
    package static func mayRead(_ principal: Principal?, owner: String?) -> Bool {
        guard let owner else { return true }
        switch principal {
        case .admin?: return true
        case .account(let id)?: return id == owner
        case nil: return false
        }
    }
}

/// Finds out whom a Bearer token names.
package protocol Authenticator: Sendable {
    func principal(token: String) async -> Principal?
}

extension Authenticator {
    /// nil when there are no credentials or bad ones.
    package func principal(of headers: HTTPHeaders) async -> Principal? {
        guard let token = BearerToken.of(headers) else { return nil }
        return await principal(token: token)
    }
}

/// The one token that may do everything.
package struct AdminAuthenticator: Authenticator {
    private let token: [UInt8]

    package init(token: String) {
        self.token = Array(token.utf8)
    }

    package func principal(token: String) async -> Principal? {
        ConstantTime.equal(Array(token.utf8), self.token) ? .admin : nil
    }
}

package enum BearerToken {
    /// RFC 6750, section 2.1; at most 4 KiB.
    package static func of(_ headers: HTTPHeaders) -> String? {
        let values = headers["authorization"]
        guard values.count == 1, let value = values.first, value.utf8.count <= 4096 else { return nil }
        let parts = value.split(separator: " ", maxSplits: 1)
        guard parts.count == 2, parts[0].lowercased() == "bearer" else { return nil }
        return String(parts[1])
    }
}

package enum ConstantTime {
    /// Takes as long whether the first byte differs or the last.
    package static func equal(_ left: [UInt8], _ right: [UInt8]) -> Bool {
        guard left.count == right.count else { return false }
        return zip(left, right).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) } == 0
    }
}
