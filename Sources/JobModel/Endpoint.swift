/// Where a function is called over HTTP, and how its status is told.
package struct Endpoint: Equatable, Sendable {
    package enum Mode: String, CaseIterable, Sendable { case async, sync }
    package enum Authentication: String, CaseIterable, Sendable { case required, `public` }
    package enum PollAfter: Equatable, Sendable {
        /// Computed from the function's observed duration, its queue and its slots.
        case automatic
        case fixed(Duration)
    }

    package var method = "POST"
    /// Below the base path.
    package var path: PathPattern
    package var mode = Mode.async
    package var authentication = Authentication.required
    /// Overrides of the table in CONTRACT 2.
    package var statusCodes: [StatusName: Int] = [:]
    package var redirects: [RedirectState: Template] = [:]
    package var pollAfter = PollAfter.automatic
    /// Whether callers without credentials may send `Sluice-Webhook`.
    package var callerWebhook = false

    package init(path: PathPattern) {
        self.path = path
    }
}
