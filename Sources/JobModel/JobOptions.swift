/// What a caller set for one job, beside its payload; stored with the job. Most jobs have none of it.
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

    package var target: Target?
    /// Of one attempt. It may only lower what is declared.
    package var timeout: Duration?
    /// Retries after the first attempt, 0 or more. They may only lower what is declared.
    package var maxRetries: Int?
    /// From acceptance to the end, as a function's `maxWait`. It may only lower what is declared.
    package var maxWait: Duration?
    /// Whether the job waits for a signal after its attempt has succeeded.
    package var waitsForSignal = false
    /// Where the caller wants to be told that the job has ended.
    package var webhook: String?
    /// Header fields of the call that the handler is to send on.
    package var forwarded: [HeaderField] = []

    package init() {}

    package init(webhook: String?, forwarded: [HeaderField] = []) {
        self.webhook = webhook
        self.forwarded = forwarded
    }
}
