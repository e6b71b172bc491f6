internal import HTTPSupport
internal import JobModel
internal import NIOHTTP1
internal import PayloadSchema

/// `/dev/sink/{name}`, in `sluice dev` only.
struct SinkCalls: Sendable {
    /// A sink that never answers helps nobody.
    private static let longestDelay = Duration.seconds(60)

    let sink: DevSink

    func post(_ request: ServerRequest, _ context: RouteContext) async throws -> ServerReply {
        let name = context.parameter("name") ?? ""
        let wish = try Wish(request)
        let count = sink.count(name, id: request.headers.first(name: "webhook-id") ?? "")
        let status = count <= wish.times ? wish.status : 200
        await sink.take(name, request.headers, request.body, answered: status)
        if wish.delay > .zero { try await Task.sleep(for: wish.delay) }
        return .response(.json(status, ["received": .bool(status < 300)]))
    }

    func get(_ request: ServerRequest, _ context: RouteContext) -> ServerReply {
        .response(
            ServerResponse(
                status: 200, headers: ["Content-Type": "application/json"],
                body: sink.body(context.parameter("name") ?? "")))
    }

    func delete(_ request: ServerRequest, _ context: RouteContext) -> ServerReply {
        sink.clear(context.parameter("name") ?? "")
        return .response(ServerResponse(status: 204))
    }

    /// `?status=500&times=2&delay=2s`: the first two attempts at a webhook are answered with 500, each after 2 s.
    private struct Wish {
        var status = 200
        var times = Int.max
        var delay = Duration.zero

        init(_ request: ServerRequest) throws(Problem) {
            for (name, value) in try RequestFields.query(request) {
                switch name {
                case "status":
                    guard let number = Int(value), (200...599).contains(number) else {
                        throw Self.wrong("status", "200 to 599")
                    }
                    status = number
                case "times":
                    guard let number = Int(value), number >= 0 else { throw Self.wrong("times", "a whole number") }
                    times = number
                case "delay":
                    guard let duration = Duration(written: value), duration <= SinkCalls.longestDelay else {
                        throw Self.wrong("delay", "a duration of at most 60s, for example 2s")
                    }
                    delay = duration
                default: throw Problem(400, "A sink knows status, times and delay: ?status=500&times=2&delay=2s")
                }
            }
        }

        private static func wrong(_ name: String, _ what: String) -> Problem { Problem(400, "\(name) takes \(what).") }
    }
}
