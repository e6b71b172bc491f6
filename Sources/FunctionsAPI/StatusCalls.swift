internal import HTTPSupport
internal import JobEngine
internal import JobModel
internal import JobStore
internal import NIOHTTP1
internal import PayloadSchema

/// `GET` and `DELETE` on a status URL.
struct StatusCalls: Sendable {
    let engine: JobEngine
    let page: StatusPage

    static let getOperation = Operation(
        "The status of a job",
        parameters: [
            .path("function", "The function's name"), .path("jobId", "The job's id"),
            .query("wait", "Seconds to wait for a change, at most 25"),
            .header("Prefer", "wait=N, as the query"),
            .header("Accept", "text/event-stream streams the changes, at most 10 minutes"),
        ],
        answers: [
            .init(200, "Completed, with its result"), .init(202, "Queued or running"),
            .init(303, "Ended, with a redirect"), .init(410, "Cancelled, expired or unknown"),
            .init(500, "Failed or timed out"),
        ])

    static let deleteOperation = Operation(
        "Cancels a job",
        parameters: [
            .path("function", "The function's name"), .path("jobId", "The job's id"),
            .query("force", "true stops a running attempt"),
        ],
        answers: [.init(200, "Cancelled"), .init(409, "It runs, or has ended otherwise"), .init(410, "Not there")])

    func get(_ request: ServerRequest, _ context: RouteContext) throws(Problem) -> RouteAnswer {
        let target = try StatusTarget(context, engine)
        let asked = try RequestFields.wait(try RequestFields.query(request))
        if request.mayStream, Self.wantsEvents(request) {
            return .loop { exchange, _ in EventStream.start(engine, page, target, exchange) }
        }
        let preferred = RequestFields.preferences(request).wait
        let applied = asked == nil ? preferred : nil
        let seconds = asked ?? preferred ?? 0
        guard seconds > 0 else { return .loop { exchange, _ in answer(exchange, target, applied) } }
        return .loop { exchange, _ in
            JobWait.forChange(
                engine, exchange, of: target.id, as: target.viewer, seconds: seconds, check: target.check,
                then: { answer(exchange, target, applied) })
        }
    }

    /// - Parameter preferred: the seconds of a `Prefer: wait` that was followed.
    private func answer(_ exchange: HTTPExchange, _ target: StatusTarget, _ preferred: Int?) {
        StatusLook.look(engine, exchange, at: target.id, as: target.viewer, StatusPage.parts) { lookup in
            do {
                let job = try target.check(try lookup.get())
                var response = page.response(for: job, requestID: exchange.context.requestID)
                if let preferred { response.headers.add(name: "Preference-Applied", value: "wait=\(preferred)") }
                exchange.reply(response)
            } catch {
                exchange.fail(error)
            }
        }
    }

    func delete(_ request: ServerRequest, _ context: RouteContext) async throws -> ServerReply {
        let target = try StatusTarget(context, engine)
        let force = try RequestFields.force(try RequestFields.query(request))
        _ = try target.check(try await engine.job(target.id, as: target.viewer))
        switch try await engine.cancel(target.id, as: target.viewer, force: force) {
        case .cancelled(let job):
            var response = ServerResponse(
                status: 200, headers: ["Content-Type": "application/json", "Cache-Control": "no-store"],
                body: page.body(of: job, .cancelled))
            response.headers.add(name: "Sluice-Job-State", value: StatusName.cancelled.rawValue)
            return .response(response)
        case .running:
            throw Problem(
                409, "The job is running. Add \"?force=true\" to stop it.", kind: "job-running", title: "Job running")
        case .ended(let state):
            throw Problem(409, "The job has ended already: \(state).", kind: "job-ended", title: "Job ended")
        case .gone:
            throw StatusPage.gone("expired")
        }
    }

    private static func wantsEvents(_ request: ServerRequest) -> Bool {
        guard request.carries(.accept) else { return false }
        return request.headers[canonicalForm: "accept"].contains { item in
            let type = item.utf8.prefix { $0 != UInt8(ascii: ";") }
            return RequestFields.trimmed(Substring(type)).isSameIgnoringASCIICase(as: "text/event-stream")
        }
    }
}
