/// What a target answered to one attempt, and where the time went.
package struct Exchange: Equatable, Sendable {
    /// nil when there was no answer.
    package var statusCode: Int?
    /// Names in lower case, in the order in which they came.
    package var headers: [HeaderField]
    /// As text, at most 64 KiB.
    package var body: String
    /// There was more body than is kept.
    package var isTruncated: Bool
    package var timings: Timings

    /// Milliseconds; 0 for a stage that was not needed or not reached.
    package struct Timings: Equatable, Sendable {
        package var dns: Double
        package var connect: Double
        package var tls: Double
        /// From the start to the first byte of the answer.
        package var firstByte: Double
        /// From the start to the end.
        package var total: Double

        package init(dns: Double = 0, connect: Double = 0, tls: Double = 0, firstByte: Double = 0, total: Double = 0) {
            self.dns = dns
            self.connect = connect
            self.tls = tls
            self.firstByte = firstByte
            self.total = total
        }
    }

    package init(
        statusCode: Int? = nil, headers: [HeaderField] = [], body: String = "", isTruncated: Bool = false,
        timings: Timings = Timings()
    ) {
        self.statusCode = statusCode
        self.headers = headers
        self.body = body
        self.isTruncated = isTruncated
        self.timings = timings
    }
}
