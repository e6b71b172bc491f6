internal import HTTPSupport
internal import JobModel
internal import JobStore

/// The query of `GET /v1/tasks`. An unknown parameter or value is a 400: a misspelt filter must not list everything.
struct TaskQuery {
    private static let known = ["status", "type", "since", "until", "limit", "cursor", "sortOrder"]

    var filter = JobFilter()
    var limit = 20
    var cursor: Int64?
    var newestFirst = true

    init(_ request: ServerRequest, scope: String?) throws(Problem) {
        filter.owner = scope
        var seen: Set<String> = []
        for (name, value) in try RequestFields.query(request) {
            guard seen.insert(name).inserted else { throw Problem(400, "\"\(name)\" is given twice.") }
            switch name {
            case "status":
                guard let status = JobFilter.Status(rawValue: value) else {
                    let all = JobFilter.Status.allCases.map(\.rawValue).joined(separator: ", ")
                    throw Problem(400, "\"status\" is one of: \(all).")
                }
                filter.status = status
            case "type": filter.function = value
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
    }

    private static func time(_ name: String, _ value: String) throws(Problem) -> Timestamp {
        guard let time = Timestamp(rfc3339: value) else {
            throw Problem(400, "\"\(name)\" takes an RFC 3339 time, for example 2026-05-19T10:00:00Z.")
        }
        return time
    }
}
