/// What a call set for one job, beside its payload; stored with the job.
///
/// Most jobs have none of it, and jobs are copied into every async frame that they pass: so it takes one word, and an object only
/// when something is set.
package struct JobOptions: Equatable, Sendable {
    /// Where attempts go instead of where the unit of execution sends them.
    package struct Target: Equatable, Sendable {
        package var url: String
        package var method: String
        package var headers: [HeaderField]

        package init(url: String, method: String = "POST", headers: [HeaderField] = []) {
            self.url = url
            self.method = method
            self.headers = headers
        }
    }

    private struct Values: Equatable, Sendable {
        var target: Target?
        var timeout: Duration?
        var maxRetries: Int?
        var maxWait: Duration?
        var waitsForSignal = false
        var webhook: String?
        var forwarded: [HeaderField] = []
        var pendingRedirect: String?
    }

    private final class Box: Sendable {
        let values: Values
        init(_ values: Values) { self.values = values }
    }

    /// nil when nothing is set.
    private var box: Box?

    package init() {}

    package init(webhook: String?, forwarded: [HeaderField] = []) {
        guard webhook != nil || !forwarded.isEmpty else { return }
        change {
            $0.webhook = webhook
            $0.forwarded = forwarded
        }
    }

    package static func == (left: JobOptions, right: JobOptions) -> Bool { left.box?.values == right.box?.values }

    /// Whether the caller set nothing.
    package var isEmpty: Bool { box == nil }

    private mutating func change(_ body: (inout Values) -> Void) {
        var values = box?.values ?? Values()
        body(&values)
        box = values == Values() ? nil : Box(values)
    }

    package var target: Target? {
        get { box?.values.target }
        set { change { $0.target = newValue } }
    }

    /// Of one attempt. It may only lower what is declared.
    package var timeout: Duration? {
        get { box?.values.timeout }
        set { change { $0.timeout = newValue } }
    }

    /// Retries after the first attempt, 0 or more. They may only lower what is declared.
    package var maxRetries: Int? {
        get { box?.values.maxRetries }
        set { change { $0.maxRetries = newValue } }
    }

    /// From acceptance to the end, as a function's `maxWait`. It may only lower what is declared.
    package var maxWait: Duration? {
        get { box?.values.maxWait }
        set { change { $0.maxWait = newValue } }
    }

    /// Whether the job waits for a signal after its attempt has succeeded.
    package var waitsForSignal: Bool {
        get { box?.values.waitsForSignal ?? false }
        set { change { $0.waitsForSignal = newValue } }
    }

    /// Where the caller wants to be told that the job has ended.
    package var webhook: String? {
        get { box?.values.webhook }
        set { change { $0.webhook = newValue } }
    }

    /// Where the job's status sends the client on until the job has ended: made once, of the function's template and the call.
    package var pendingRedirect: String? {
        get { box?.values.pendingRedirect }
        set { change { $0.pendingRedirect = newValue } }
    }

    /// Header fields of the call that the handler is to send on.
    package var forwarded: [HeaderField] {
        get { box?.values.forwarded ?? [] }
        set { change { $0.forwarded = newValue } }
    }
}
