internal import ArgumentParser
internal import JobModel
internal import NIOHTTP1
internal import PayloadSchema

struct AccountCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "account",
        abstract: "Makes accounts, lists them, and revokes their API keys.",
        discussion: """
            An account's API key is a Bearer credential for /v1 and for functions with "auth: required". Jobs that it \
            starts are seen by this account and the admin only.
            """,
        subcommands: [Create.self, List.self, Revoke.self, WebhookSecret.self])

    struct Create: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Makes an account and shows its API key, this once.",
            discussion: """
                EXAMPLES
                  sluice account create acme
                  KEY=$(sluice account create acme --json | jq -r .apiKey)
                  sluice account create acme --add-key      one more key, to change keys without a gap
                """)

        @OptionGroup var options: ServerOptions
        @Flag(help: "Make one more key for an account that exists.") var addKey = false
        @Argument(help: "The account's name: a team, a program, an e-mail address.") var name: String

        func run() async throws {
            try await reporting {
                let server = try options.connect()
                let reply =
                    addKey
                    ? try await server.call(.POST, "/v1/accounts/\(Template.percentEncoded(name))/keys")
                    : try await server.call(.POST, "/v1/accounts", body: ["name": .string(name)])
                if options.json { return Console.json(reply) }
                Console.line(
                    """
                    account  \(reply.value(at: ["account", "name"])?.string ?? name)
                    id       \(reply.value(at: ["account", "id"])?.string ?? "")
                    API key  \(reply["apiKey"]?.string ?? "")
                    """)
                if let secret = reply["webhookSecret"]?.string { Console.line("webhooks \(secret)") }
                Console.note("Keep the key: only its hash is stored, and it is not shown again.")
            }
        }
    }

    struct WebhookSecret: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "webhook-secret",
            abstract: "Shows the secret that signs an account's webhooks.",
            discussion: """
                "admin" signs the webhooks of jobs that came with the admin token, and of every onComplete without a secret
                of its own. With WEBHOOK_SECRET set, that one signs for all.

                EXAMPLES
                  sluice account webhook-secret acme
                  sluice account webhook-secret admin
                """)

        @OptionGroup var options: ServerOptions
        @Argument(help: "The account's name or id, or \"admin\".") var account: String

        func run() async throws {
            try await reporting {
                let reply = try await options.connect().call(
                    .GET, "/v1/accounts/\(Template.percentEncoded(account))/webhook-secret")
                if options.json { return Console.json(reply) }
                guard let secret = reply["webhookSecret"]?.string else {
                    return Console.note(
                        "The server signs all webhooks with its WEBHOOK_SECRET, but those of an onComplete with a secret of its own."
                    )
                }
                Console.line("\(secret)")
            }
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Lists accounts and the beginnings of their keys.",
            discussion: "EXAMPLE\n  sluice account list --json | jq '.accounts[].name'")

        @OptionGroup var options: ServerOptions

        func run() async throws {
            try await reporting {
                let reply = try await options.connect().call(.GET, "/v1/accounts")
                if options.json { return Console.json(reply) }
                guard case .array(let accounts)? = reply["accounts"] else { return }
                Console.line(Terminal.table(["ACCOUNT", "KEY", "CREATED", ""], accounts.flatMap(Self.rows)))
            }
        }

        /// One for each key.
        private static func rows(_ account: JSONValue) -> [[TerminalText]] {
            let name: TerminalText = "\(account["name"]?.string ?? "")"
            guard case .array(let keys)? = account["keys"], !keys.isEmpty else { return [[name, "", "", "no key"]] }
            return keys.map { key in
                [
                    name, "\(key["prefix"]?.string ?? "")", "\(key["createdAt"]?.string ?? "")",
                    key["revokedAt"]?.string.map { "revoked \($0)" } ?? "",
                ]
            }
        }
    }

    struct Revoke: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Revokes an account's API keys at once; its jobs stay and go on.",
            discussion: """
                EXAMPLES
                  sluice account revoke acme
                  sluice account revoke acme --key slc_1a2b3c4d     this key only; "account list" shows them
                """)

        @OptionGroup var options: ServerOptions
        @Option(help: "The beginning of one key, as \"account list\" shows it; without it all of them.")
        var key: String?
        @Argument(help: "The account's name or id.") var account: String

        func run() async throws {
            try await reporting {
                let one = key.map { "/\(Template.percentEncoded($0))" } ?? ""
                let reply = try await options.connect().call(
                    .DELETE, "/v1/accounts/\(Template.percentEncoded(account))/keys\(one)")
                if options.json { return Console.json(reply) }
                Console.line("\(account): \(reply["revoked"] ?? 0) revoked")
            }
        }
    }
}
