package import JobModel
package import JobStore
package import PayloadSchema

/// A call of a function, as a surface has decoded it.
package struct Submission: Sendable {
    package enum Start: Equatable, Sendable {
        case now
        case after(Duration)
        case at(Timestamp)
    }

    /// The unit of execution that is to run it.
    package var function: String
    /// What the caller calls the job; nil for the function's name.
    package var type: String?
    /// nil when there was no body.
    package var payload: [UInt8]?
    package var parameters: JSONObject
    /// The account that the credentials name.
    package var owner: String?
    /// For whoever has no account.
    package var clientAddress: String
    package var idempotencyKey: String?
    /// Method, path and query: with the body they are compared when a key comes again.
    package var requestLine: [String]
    package var start: Start
    package var options: JobOptions

    package init(
        function: String, type: String? = nil, payload: [UInt8]?, parameters: JSONObject = JSONObject(),
        owner: String? = nil, clientAddress: String = "", idempotencyKey: String? = nil, requestLine: [String] = [],
        start: Start = .now,
        options: JobOptions = JobOptions()
    ) {
        self.options = options
        self.function = function
        self.type = type
        self.payload = payload
        self.parameters = parameters
        self.owner = owner
        self.clientAddress = clientAddress
        self.idempotencyKey = idempotencyKey
        self.requestLine = requestLine
        self.start = start
    }
}

extension Submission {
    /// The address whose share it counts in, as `Job.stranger`.
    var stranger: CallerAddress? { owner == nil ? CallerAddress.stranger(clientAddress) : nil }
}

package struct Accepted: Sendable, Equatable {
    /// Where the caller stands with each of the function's rate limits.
    package var rates: [RateStatus] = []
    package var id: JobID
    /// Accepted before, under the same key.
    package var replayed: Bool
    package var function: String
    /// As it stands; nil when it was accepted before and has gone since.
    package var job: JobSnapshot?
}

extension Accepted {
    /// Accepted before, under the same key: it counts in no window again.
    init(replayed id: JobID, of function: String, job: JobSnapshot?) {
        self.init(id: id, replayed: true, function: function, job: job)
    }
}
