/// What came of a request: the answer as far as it came, why there is no whole one, and where the time went.
package struct OutboundResult: Equatable, Sendable {
    package var answer: OutboundAnswer?
    /// nil when the answer is whole, or was cut at the limit.
    package var failure: OutboundFailure?
    package var timings: OutboundTimings

    package init(answer: OutboundAnswer?, failure: OutboundFailure?, timings: OutboundTimings = OutboundTimings()) {
        self.answer = answer
        self.failure = failure
        self.timings = timings
    }
}

package struct OutboundAnswer: Equatable, Sendable {
    package var status: Int
    /// In the order in which they came, names in lower case.
    package var headers: [Field]
    package var body: [UInt8]
    /// There was more body than is kept.
    package var isTruncated: Bool

    package struct Field: Equatable, Sendable {
        package var name: String
        package var value: String

        package init(_ name: String, _ value: String) {
            self.name = name
            self.value = value
        }
    }

    package init(status: Int, headers: [Field] = [], body: [UInt8] = [], isTruncated: Bool = false) {
        self.status = status
        self.headers = headers
        self.body = body
        self.isTruncated = isTruncated
    }

    /// A field's first value; the name in lower case.
    package subscript(name: String) -> String? { headers.first { $0.name == name }?.value }
}

/// Milliseconds of each stage; 0 for a stage that was not needed or not reached.
package struct OutboundTimings: Equatable, Sendable {
    package var dns = 0.0
    package var connect = 0.0
    package var tls = 0.0
    /// From the start to the first byte of the answer.
    package var firstByte = 0.0
    /// From the start to the end.
    package var total = 0.0

    package init() {}
}
