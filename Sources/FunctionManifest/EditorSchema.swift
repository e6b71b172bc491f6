package import PayloadSchema

/// The manifest as a JSON Schema (draft-07, which editors understand), with a description, the default and an example for
/// every key: completion and mistakes while typing. `sluice check` says more, and is what counts.
package enum EditorSchema {
    /// Where a server serves it; the modeline of a manifest names it.
    package static let path = "/schema/functions.schema.json"

    package static let value: JSONValue = {
        let root = object(
            "A Sluice manifest: everything that can run.", required: ["version", "functions"],
            [
                ("version", ["const": 1, "description": "The version of this format; 1."]),
                ("server", server), ("defaults", object("For every function; a function's own value wins.", shared)),
                ("functions", functions), ("accounts", accounts),
                ("anonymous", anonymous),
                ("fallback", object("For types that no function declares.", required: ["handler"], function)),
                ("tasksAPI", tasksAPI), ("jobsAPI", jobsAPI), ("webhooks", webhooks),
                (
                    "egress",
                    object(
                        "What is open beside the public Internet for URLs that callers give.",
                        [
                            (
                                "allow",
                                list(
                                    "Address ranges and host names.", text(),
                                    example: ["10.1.0.0/16", "hooks.internal"])
                            )
                        ])
                ),
            ])
        guard case .object(var schema) = root else { return root }
        schema["$schema"] = "http://json-schema.org/draft-07/schema#"
        schema["title"] = "Sluice functions.yaml"
        return .object(schema)
    }()

    private static let server = object(
        "The server as a whole.",
        [
            ("basePath", text("In front of every function endpoint.", "/api/v1")),
            ("concurrency", number("Running attempts in all.", 256, 1...100_000)),
            ("maxPayload", size("Larger bodies are refused with 413.", "1MiB")),
            ("maxQueued", number("Queued jobs in all; past it 429.", 1_000_000, 1...1_000_000_000)),
            ("shutdownGrace", duration("How long running attempts may go on after SIGTERM.", "25s")),
            (
                "trustedProxies",
                list("Address ranges whose X-Forwarded-For is believed.", text(), example: ["10.0.0.0/8"])
            ),
            (
                "cors",
                object(
                    "Browsers of other origins.",
                    [("origins", list("Exact origins.", text(), example: ["https://app.example.com"]))])
            ),
            (
                "hosts",
                list(
                    "Further Host names; on loopback any other is refused, and everywhere when some are named.", text(),
                    example: ["sluice.test"])
            ),
            ("publicUrl", text("What absolute URLs begin with; its host counts as one of hosts.", "none")),
            (
                "connections",
                object(
                    "Open connections.",
                    [
                        ("total", number("In all; 64 are kept for loopback.", 16_384, 128...1_000_000)),
                        (
                            "perAddress",
                            number("Of one peer, and requests that are held for one client.", 1024, 1...1_000_000)
                        ),
                    ])
            ),
            (
                "minFreeSpace",
                size(
                    "Disk space that stays free: below it nothing is accepted, below four times it nothing without credentials.",
                    "256MiB")
            ),
        ])

    private static let functions: JSONValue = [
        "type": "object", "description": "The declared job types, by name.", "minProperties": 1,
        "propertyNames": ["pattern": "^[a-z][a-z0-9-]{0,62}$"],
        "additionalProperties": object("One job type.", required: ["handler"], function),
    ]

    private static let shared: [(String, JSONValue)] = [
        ("timeout", duration("One attempt.", "30s")),
        ("maxWait", duration("From acceptance to the end, attempts and pauses included.", "7d")),
        ("maxQueued", number("Queued jobs of one function; past it 429.", 100_000, 1...1_000_000_000)),
        ("retry", retry()),
        (
            "retention",
            object(
                "How long ended jobs stay readable.",
                [
                    ("completed", duration("Completed jobs.", "24h")),
                    ("failed", duration("Failed, timed out and cancelled jobs.", "7d")),
                    ("tombstone", duration("How long it is known that they existed.", "30d")),
                ])
        ),
    ]

    private static func retry(attempts: Int = 4, jitter: String = "full") -> JSONValue {
        object(
            "How often it is tried, and how long it waits in between.",
            [
                ("attempts", number("The first try included.", attempts, 1...100)),
                ("backoff", choice("How pauses grow.", ["fixed", "linear", "exponential"], "exponential")),
                ("delay", duration("Before the second attempt.", "2s")),
                (
                    "factor",
                    [
                        "type": "number", "minimum": 1, "maximum": 1000, "default": 2,
                        "description": "Of exponential backoff.",
                    ]
                ),
                ("maxDelay", duration("No pause is longer.", "1h")),
                ("jitter", choice("How much of each pause is drawn by chance.", ["none", "equal", "full"], jitter)),
                (
                    "delays",
                    list(
                        "Instead of backoff, delay and factor: a table; its last value repeats.", durationOnly,
                        example: ["5s", "1m", "10m"])
                ),
            ])
    }

    private static let function: [(String, JSONValue)] =
        [
            ("summary", text("What it does, for people.")), ("handler", handler), ("endpoint", endpoint),
            (
                "schema",
                object(
                    "JSON Schemas (2020-12), checked before anything is queued.",
                    ["payload", "parameters", "result"].map { ($0, ["type": ["object", "boolean"]]) })
            ),
            ("rateLimit", oneOrMore(limit("Refuses calls past it with 429.", needsPer: true))),
            ("throttle", oneOrMore(limit("Paces starts.", needsPer: true, burst: true))),
            (
                "concurrency",
                [
                    "anyOf": [
                        number("How many run at once.", nil, 1...100_000),
                        limit("How many run at once, by key.", needsPer: false),
                        list(
                            "All of them must pass.",
                            [
                                "anyOf": [
                                    number(nil, nil, 1...100_000), limit("", needsPer: false),
                                ]
                            ], example: nil),
                    ], "description": "Bounds how many run at once.", "examples": [20],
                ]
            ),
            (
                "idempotency",
                object(
                    "Calls with the same key are one job.",
                    [
                        (
                            "key",
                            text(
                                "payload.<path> or parameters.<path>; the Idempotency-Key header wins.",
                                example: "payload.orderId")
                        ),
                        ("window", duration("How long a key is remembered.", "24h")),
                    ])
            ),
            ("priority", number("Higher first within the function.", 0, -100...100)),
            ("delay", duration("Before every start.", "0s")),
            (
                "schedules",
                list(
                    "Starts by the clock.",
                    object(
                        "One schedule.", required: ["cron"],
                        [
                            ("cron", text("Minute, hour, day of month, month, day of week.", example: "0 2 * * *")),
                            ("timeZone", text("Of the IANA database.", "UTC", example: "Europe/Berlin")),
                            ("payload", ["description": "The payload of its jobs."]),
                            ("parameters", ["type": "object", "description": "The parameters of its jobs."]),
                            ("overlap", choice("When the former job still lives.", ["skip", "allow"], "skip")),
                        ]), example: nil)
            ),
            ("waitForSignal", flag("Whether it waits for an outside call after its attempt.", false)),
            (
                "onComplete",
                object(
                    "Tells a URL when a job has ended.", required: ["url"],
                    [
                        (
                            "url",
                            text(
                                "http or https; may hold {payload.a}, {parameters.a}, {result.a}.",
                                example: "https://example.com/hook")
                        ),
                        ("secret", text("Signs the webhook; by reference.", example: "${HOOK_SECRET}")),
                        (
                            "events",
                            list(
                                "Which ends are told; all when left out.",
                                choice(nil, ["completed", "failed", "timeout", "cancelled"], nil),
                                example: ["failed"])
                        ),
                    ])
            ),
            ("paused", flag("Accepts, does not start.", false)),
        ] + shared

    private static let handler: JSONValue = object(
        "What an attempt runs: one of builtin, http and command.",
        [
            (
                "builtin",
                choice("A simulated handler.", ["send-email", "generate-report", "resize-image", "echo"], nil)
            ),
            (
                "simulate",
                object(
                    "How a builtin behaves.",
                    [
                        ("duration", duration("How long it takes.", nil)),
                        ("spread", fraction("By which share it is shorter or longer.", 0)),
                        ("failureRate", fraction("Share of the attempts that fail.", 0)),
                        ("status", number("The HTTP status of failing attempts.", 500, 400...599)),
                        ("hang", flag("Failing attempts do not answer at all.", false)),
                        ("retryAfter", duration("What failing attempts ask for as the next pause.", nil)),
                    ])
            ),
            ("http", http), ("command", command),
        ])

    private static let http: JSONValue = object(
        "One HTTP request an attempt.", required: ["url"],
        [
            (
                "url",
                text(
                    "May hold {payload.a} and {parameters.a} behind the host.",
                    example: "https://orders.internal/import/{parameters.userId}")
            ),
            ("method", choice("Of the request.", ["GET", "POST", "PUT", "PATCH", "DELETE"], "POST")),
            (
                "headers",
                [
                    "type": "object", "additionalProperties": ["type": "string"],
                    "description": "Beside those that Sluice sets.",
                    "examples": [["Authorization": "Bearer ${ORDERS_TOKEN}"]],
                ]
            ),
            (
                "forwardHeaders",
                list("Fields of the caller's request that go on.", text(), example: ["Accept-Language"])
            ),
            ("successOn", list("Answers that complete the job.", status, example: ["2xx", "3xx", "4xx"])),
            (
                "retryOn",
                list(
                    "Answers that ask for another attempt; looked at first.", status,
                    example: [429, "5xx", "network", "timeout"])
            ),
            ("honourRetryAfter", flag("Whether a target's Retry-After makes the next pause longer.", true)),
            ("passRedirect", flag("Whether a 303 with a Location becomes the job's redirect.", false)),
            ("secret", text("Signs requests as webhooks are signed; by reference.", example: "${SIGNING_SECRET}")),
        ])

    private static let command: JSONValue = object(
        "A local program.", required: ["run"],
        [
            ("run", list("Program and arguments, never a shell.", text(), example: ["handlers/word_count.py"])),
            ("lifetime", choice("A process a call, or a pool of them.", ["perCall", "persistent"], "perCall")),
            ("workers", number("Of a persistent command.", 2, 1...1024)),
            (
                "env",
                [
                    "type": "object", "additionalProperties": ["type": "string"],
                    "description": "Environment beside PATH, HOME, LANG.",
                ]
            ),
            (
                "limits",
                object(
                    "Of one process.",
                    [
                        ("memory", size("Address space.", "1GiB")),
                        ("cpuTime", duration("CPU seconds.", "60s")),
                        ("openFiles", number("Open files.", 256, 16...1_048_576)),
                    ])
            ),
        ])

    private static let endpoint: JSONValue = object(
        "Where it is called.",
        [
            ("method", choice("Of the call.", ["POST", "PUT", "PATCH", "DELETE"], "POST")),
            ("path", text("Below basePath; the function's name when left out.", example: "emails/{userId}")),
            (
                "mode",
                choice("sync holds the call until the job has ended, 25 s at most.", ["async", "sync"], "async")
            ),
            ("auth", choice("Who may call.", ["required", "public"], "required")),
            (
                "statusCodes",
                object(
                    "What the status URL answers in a state.",
                    ["pending", "inFlight", "completed", "failed", "deadLetter", "timeout", "cancelled"].map {
                        ($0, number(nil, nil, 200...504))
                    })
            ),
            (
                "redirect",
                [
                    "anyOf": [
                        ["type": "string"],
                        object("By state.", ["completed", "failed", "pending"].map { ($0, text()) }),
                    ], "description": "Where the status URL sends on when completed, with 303.",
                    "examples": ["{result.reportUrl}"],
                ]
            ),
            (
                "pollAfter",
                [
                    "type": "string", "default": "auto",
                    "description": "The 202's Retry-After: auto, or a duration.", "examples": ["5s"],
                ]
            ),
            ("callerWebhook", flag("Whether callers without credentials may send Sluice-Webhook.", false)),
        ])

    private static let accounts: JSONValue = object(
        "What one account may take up, all functions together.",
        [
            ("registration", choice("Who may make an account.", ["open", "closed"], "closed")),
            ("concurrency", number("Running attempts.", 256, 1...100_000)),
            ("maxQueued", number("Queued jobs; past it 429.", 10_000, 1...1_000_000_000)),
        ])

    private static let anonymous: JSONValue = object(
        "What one client address may take up without credentials, all functions together. Loopback is not counted.",
        [
            ("concurrency", number("Running attempts.", 128, 1...100_000)),
            ("maxQueued", number("Queued jobs; past it 429.", 10_000, 1...1_000_000_000)),
            ("maxDelay", duration("The longest delay that a call may ask for; past it 400.", "24h")),
        ])

    private static let tasksAPI: JSONValue = object(
        "The tasks API, /v1.",
        [
            ("adHocTargets", flag("Whether tasks may name a target URL.", false)),
            (
                "max",
                object(
                    "What a caller may ask for.",
                    [
                        ("timeout", duration("One attempt.", "5m")),
                        ("retries", number("Further attempts.", 10, 0...99)),
                        ("delay", duration("Before the start.", "30d")),
                        ("priority", number("Of a task.", 0, -100...100)),
                    ])
            ),
        ])

    private static let jobsAPI: JSONValue = object(
        "The jobs API, /api/jobs.",
        [("rateLimit", oneOrMore(limit("Refuses calls past it.", needsPer: true)))])

    private static let webhooks: JSONValue = object(
        "How webhooks are sent.",
        [
            ("retry", retry(attempts: 3, jitter: "none")), ("timeout", duration("One attempt.", "15s")),
            ("headerPrefix", text("Begins the names of our own header fields.", "X-Sluice")),
        ])
}
