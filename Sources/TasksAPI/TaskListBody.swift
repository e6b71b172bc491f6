internal import HTTPSupport
internal import JobEngine
internal import JobModel
internal import JobStore
internal import NIOHTTP1
internal import PayloadSchema

/// `{"tasks": […], "nextCursor", "total", "totalExact"}`, and `cut` when the page is short although the list goes on.
struct TaskListBody {
    private var bytes = Array(#"{"tasks":["#.utf8)

    init(_ list: JobList, at now: Timestamp) {
        var (next, cut) = (list.next, list.cut)
        var last: Int64?
        for entry in list.entries {
            let task = TaskBody.bytes(of: entry.job, attempts: entry.attempts, at: now)
            // What is stored is bounded already; written as JSON it may be six times as long.
            if let last, bytes.count + task.count > Limits.listBytes {
                (next, cut) = (last, .size)
                break
            }
            if last != nil { bytes.append(UInt8(ascii: ",")) }
            bytes += task
            last = entry.job.job.id.row
        }
        var rest = JSONObject()
        // A cursor looks like an id, whose random bits say nothing.
        rest["nextCursor"] = .optional(next.map { JobID(row: $0, random: 0).description })
        rest["total"] = .integer(list.total.count)
        rest["totalExact"] = .bool(list.total.isExact)
        if let cut { rest["cut"] = .string(cut.rawValue) }
        bytes += Array("],".utf8) + JSONValue.object(rest).bytes.dropFirst()
    }

    var response: ServerResponse {
        ServerResponse(status: 200, headers: ["Content-Type": "application/json"], body: bytes)
    }
}
