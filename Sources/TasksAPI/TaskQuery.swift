internal import HTTPSupport
internal import JobModel
internal import JobStore

/// The query of `GET /v1/tasks`. An unknown parameter or value is a 400: a misspelt filter must not list everything.
struct TaskQuery {
    private static let known = [
        "status", "type", "account", "key", "since", "until", "limit", "cursor", "sortOrder",
    ]

    var filter = JobFilter()
    /// An idempotency key of `owner`.
    var key: String?
    /// Whose jobs are meant: the caller's own, or those of the account that the admin names; nil for everybody's.
    var owner: String?
    var limit = 20
    var cursor: Int64?
    var newestFirst = true

    init(_ request: ServerRequest, for principal: Principal) throws(Problem) {
        if case .account(let id) = principal { owner = id }
        var seen: Set<String> = []
        for (name, value) in try RequestFields.query(request) {
            guard seen.insert(name).inserted else { throw Problem(400, "\"\(name)\" is given twice.") }
            switch name {
            case "status": filter.states = try Self.states(value)
            case "type": filter.function = value
            case "account":
                guard principal == .admin else { throw Problem(403, "\"account\" is for the admin token.") }
                owner = try Self.account(value)
            case "key":
                guard (1...Limits.idempotencyKeyCharacters).contains(value.utf8.count) else {
                    throw Problem(
                        400, "\"key\" is an idempotency key of 1 to \(Limits.idempotencyKeyCharacters) characters.")
                }
                key = value
            case "since": filter.since = try Self.time(name, value)
            case "until": filter.until = try Self.time(name, value)
            case "limit":
                guard let number = Int(value), (1...100).contains(number) else {
                    throw Problem(400, "\"limit\" is a number from 1 to 100.")
                }
                limit = number
            case "cursor":
                guard let id = JobID(value) else {
                    throw Problem(400, "\"cursor\" is what an earlier answer gave as nextCursor.")
                }
                cursor = id.row
            case "sortOrder":
                guard value == "asc" || value == "desc" else { throw Problem(400, "\"sortOrder\" is asc or desc.") }
                newestFirst = value == "desc"
            default:
                throw Problem(400, "\"\(name)\" is unknown here; known: \(Self.known.joined(separator: ", ")).")
            }
        }
        filter.owner = owner
        if key != nil, owner == nil {
            throw Problem(400, "\"key\" needs \"account\" beside it: a key belongs to one caller.")
        }
    }

    /// `failed` or `failed,timeout`.
    private static func states(_ value: String) throws(Problem) -> Set<JobFilter.Status> {
        var states: Set<JobFilter.Status> = []
        for name in value.split(separator: ",", omittingEmptySubsequences: false) {
            guard let status = JobFilter.Status(rawValue: String(name)) else {
                let all = JobFilter.Status.allCases.map(\.rawValue).joined(separator: ", ")
                let shown = String(name).limited(toBytes: 100)
                throw Problem(400, "\"status\": \"\(shown)\" is unknown; known, with commas between several: \(all).")
            }
            states.insert(status)
        }
        return states
    }

    private static func account(_ value: String) throws(Problem) -> String {
        guard value == Job.adminOwner || UUIDBits(value) != nil else {
            throw Problem(
                400,
                "\"account\" is an account's id, as \"sluice account list --json\" shows it, or \"\(Job.adminOwner)\".")
        }
        return value
    }

    private static func time(_ name: String, _ value: String) throws(Problem) -> Timestamp {
        guard let time = Timestamp(rfc3339: value) else {
            throw Problem(400, "\"\(name)\" takes an RFC 3339 time, for example 2026-05-19T10:00:00Z.")
        }
        return time
    }
}
