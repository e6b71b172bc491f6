/// Who looks at jobs, or changes them: the one rule of who may see which (DESIGN 4, "Who looks").
///
/// What somebody may not see is answered as what never was.
package enum Viewer: Equatable, Sendable {
    /// The operator: every job.
    case admin
    /// An account: its own jobs.
    case account(String)
    /// Whoever has a job's link: jobs without an owner, and with credentials those of this account.
    case link(account: String?)

    /// - Parameter owner: of the job; nil when it came without credentials.
    package func maySee(owner: String?) -> Bool {
        switch self {
        case .admin: true
        case .account(let id): owner == id
        case .link(let account): owner == nil || owner == account
        }
    }

    /// Where a function's `onComplete` leads is the operator's business alone.
    package func maySee(_ audience: WebhookAudience) -> Bool {
        switch audience {
        case .caller: true
        case .function: self == .admin
        }
    }

    /// Whose jobs are listed and counted.
    package var scope: Scope {
        switch self {
        case .admin: .everybody
        case .account(let id): .owner(id)
        case .link(let account): account.map { .owner($0) } ?? .nobody
        }
    }

    package enum Scope: Equatable, Sendable {
        case everybody
        case owner(String)
        /// A link leads to one job, and lists none.
        case nobody
    }
}
