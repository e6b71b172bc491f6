internal import FunctionManifest
internal import HTTPSupport
internal import JobModel
internal import PayloadSchema

/// `/v1/manifest` and `/v1/reload`, for the operator.
struct ManifestCalls: Sendable {
    let control: any ManifestControl

    func get(_ request: ServerRequest, _ context: RouteContext) async throws -> ServerReply {
        let status = await control.status()
        return .response(
            .json(
                200,
                [
                    "file": .string(status.file), "revision": .string(status.revision),
                    "loadedAt": .string(status.loadedAt.description), "functions": .integer(status.functions),
                    "reloads": .integer(status.reloads), "lastError": status.failure.map(Self.body) ?? .null,
                ]))
    }

    /// With `?dryRun=true` nothing changes; a body is then taken as the manifest.
    func reload(_ request: ServerRequest, _ context: RouteContext) async throws -> ServerReply {
        let isDry = try Self.isDry(request)
        let body = request.body
        guard isDry || body.isEmpty else {
            throw Problem(400, "A manifest is taken as the body with \"?dryRun=true\" only; a reload reads the file.")
        }
        let answer = isDry ? await control.check(body.isEmpty ? nil : body) : await control.reload()
        switch answer {
        case .taken(let report):
            return .response(.json(200, Self.body(of: report, isDry: isDry)))
        case .refused(let failure):
            throw Problem(
                422, "The manifest is not taken, the last good revision stays: \(failure.summary)",
                kind: "manifest-refused", title: "Manifest refused",
                extensions: [
                    ("text", .string(failure.text)), ("errors", .array(failure.problems.map(Self.body))),
                ])
        }
    }

    private static func isDry(_ request: ServerRequest) throws(Problem) -> Bool {
        let query = try RequestFields.query(request)
        guard query.allSatisfy({ $0.name == "dryRun" }), query.count <= 1 else {
            throw Problem(400, "The only parameter is dryRun=true.")
        }
        switch query.first?.value {
        case nil, "false"?: return false
        case "true"?: return true
        default: throw Problem(400, "dryRun is true or false.")
        }
    }

    private static func body(of report: ReloadReport, isDry: Bool) -> JSONValue {
        let changes = report.changes
        let result = isDry ? "checked" : report.revision == report.former ? "unchanged" : "reloaded"
        return [
            "result": .string(result), "revision": .string(report.revision),
            "formerRevision": .string(report.former), "loadedAt": .string(report.loadedAt.description),
            "added": .array(changes.added.map { .string($0) }),
            "changed": .array(
                changes.changed.map { function in
                    [
                        "function": .string(function.name), "fields": .array(function.fields.map(body)),
                        "running": .integer(report.live[function.name]?.running ?? 0),
                    ]
                }),
            "removed": .array(
                changes.removed.map { name in
                    [
                        "function": .string(name), "queued": .integer(report.live[name]?.queued ?? 0),
                        "running": .integer(report.live[name]?.running ?? 0),
                    ]
                }),
            "settings": .array(changes.settings.map(body)),
            "summary": .array(report.lines.map { .string($0) }), "warnings": .array(report.warnings.map(body)),
        ]
    }

    private static func body(_ field: ManifestChanges.Field) -> JSONValue {
        ["field": .string(field.path), "before": .optional(field.before), "after": .optional(field.after)]
    }

    private static func body(_ failure: ManifestFailure) -> JSONValue {
        [
            "at": .string(failure.at.description), "summary": .string(failure.summary),
            "text": .string(failure.text), "problems": .array(failure.problems.map(body)),
        ]
    }

    private static func body(_ problem: ManifestProblem) -> JSONValue {
        [
            "severity": .string(problem.severity.rawValue), "line": .integer(problem.line),
            "column": .integer(problem.column), "detail": .string(problem.message), "help": .optional(problem.help),
        ]
    }
}
