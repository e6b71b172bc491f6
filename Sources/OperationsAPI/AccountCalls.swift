internal import Accounts
internal import HTTPSupport
internal import JobModel
internal import JobStore
internal import Logging
internal import NIOHTTP1
internal import PayloadSchema

/// `/v1/accounts`, for the operator: who may call, and with which keys.
struct AccountCalls: Sendable {
    let accounts: Accounts
    /// What signs the webhooks of an account; nil where one secret of the whole team does.
    let webhookSecret: @Sendable (WebhookSigner) -> Secret?
    let logger: Logger

    /// `{"name": "acme"}` -> the account and its first key, which is told this once.
    func create(_ request: ServerRequest, _ context: RouteContext) async throws -> ServerReply {
        let name = try Self.name(in: request)
        return try await answering { () async throws(Accounts.Problem) in
            let key = try await accounts.create(name)
            return Self.issued(key, webhookSecret: webhookSecret(.account(key.account.id)))
        }
    }

    /// One more key.
    func addKey(_ request: ServerRequest, _ context: RouteContext) async throws -> ServerReply {
        let name = context.parameter("account") ?? ""
        return try await answering { () async throws(Accounts.Problem) in
            Self.issued(try await accounts.addKey(to: name))
        }
    }

    /// For an account that has lost it, or was made before it was shown; "admin" for the admin's own jobs and `onComplete`.
    func webhookSecret(_ request: ServerRequest, _ context: RouteContext) async throws -> ServerReply {
        let name = context.parameter("account") ?? ""
        return try await answering { () async throws(Accounts.Problem) in
            let signer: WebhookSigner =
                name == Job.adminOwner ? .operator : .account(try await accounts.find(name).account.id)
            guard let secret = webhookSecret(signer) else {
                return .json(200, ["webhookSecret": .null, "source": "WEBHOOK_SECRET"])
            }
            return Self.uncached(.json(200, ["webhookSecret": .string(secret.revealed), "source": "account"]))
        }
    }

    func list(_ request: ServerRequest, _ context: RouteContext) async throws -> ServerReply {
        return try await answering { () async throws(Accounts.Problem) in
            .json(200, ["accounts": .array(try await accounts.list().map(Self.body))])
        }
    }

    /// All keys of an account, or the one that the path names.
    func revoke(_ request: ServerRequest, _ context: RouteContext) async throws -> ServerReply {
        let name = context.parameter("account") ?? ""
        let prefix = context.parameter("key")
        return try await answering { () async throws(Accounts.Problem) in
            .json(200, ["revoked": .integer(try await accounts.revoke(name, prefix: prefix))])
        }
    }

    private func answering(
        _ body: () async throws(Accounts.Problem) -> ServerResponse
    ) async throws(Problem) -> ServerReply {
        do {
            return .response(try await body())
        } catch {
            if case .storeUnavailable(let reason) = error {
                logger.error("Cannot read or write accounts", metadata: ["error": "\(reason)"])
            }
            throw Self.problem(of: error)
        }
    }

    private static func name(in request: ServerRequest) throws(Problem) -> String {
        try RequestFields.checkJSON(request)
        let body = try? JSONParser.parse(request.body)
        guard case .object(let object)? = body, object.members.count == 1, let name = object["name"]?.string else {
            throw Problem(400, "The body is {\"name\": \"…\"}, and nothing else.")
        }
        return name
    }

    private static func issued(_ key: Accounts.IssuedKey, webhookSecret: Secret? = nil) -> ServerResponse {
        // The one place where a key is shown.
        var body = JSONObject()
        body["account"] = Self.body(of: key.account)
        body["apiKey"] = .string(key.secret.revealed)
        body["prefix"] = .string(key.prefix)
        if let webhookSecret { body["webhookSecret"] = .string(webhookSecret.revealed) }
        return uncached(.json(201, .object(body)))
    }

    private static func uncached(_ response: ServerResponse) -> ServerResponse {
        var response = response
        response.headers.add(name: "Cache-Control", value: "no-store")
        return response
    }

    private static func body(of account: Account) -> JSONValue {
        [
            "id": .string(account.id), "name": .string(account.name),
            "createdAt": .string(account.createdAt.description),
        ]
    }

    private static func body(of entry: AccountKeys) -> JSONValue {
        [
            "id": .string(entry.account.id), "name": .string(entry.account.name),
            "createdAt": .string(entry.account.createdAt.description),
            "keys": .array(
                entry.keys.map { key in
                    [
                        "prefix": .string(key.prefix), "createdAt": .string(key.createdAt.description),
                        "revokedAt": .optional(key.revokedAt?.description),
                    ]
                }),
        ]
    }

    private static func problem(of problem: Accounts.Problem) -> Problem {
        switch problem {
        case .invalidName:
            Problem(
                400,
                "An account's name has 1 to 254 bytes, without spaces, slashes and control characters, and is not a UUID."
            )
        case .nameTaken:
            Problem(
                409,
                "An account of this name exists. Choose another name, or give it one more key "
                    + "(\"sluice account create NAME --add-key\").",
                kind: "account-exists", title: "Account exists")
        case .unknownAccount: Problem(404, "There is no account of this name or id.")
        case .unknownKey: Problem(404, "The account has no such key in force (\"sluice account list\" shows them).")
        case .storeUnavailable: .storeUnavailable
        }
    }
}
