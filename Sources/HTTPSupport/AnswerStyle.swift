/// What all answers to one request have in common, whatever they say.
package struct AnswerStyle: Sendable {
    package var errors: ErrorStyle
    /// Fields that every answer carries, as they go out.
    package var fields: [UInt8]
    /// For the log, when it wants to know of requests.
    package var line: Line?

    package struct Line: Sendable {
        package var method: String
        package var path: String
        package var began: ContinuousClock.Instant
    }
}

/// Where answers pass on their way out.
package protocol AnswerDesk: Sendable {
    /// What an error is to the caller; logs what is the operator's matter.
    func problem(for error: any Error, _ requestID: RequestID) -> Problem

    /// An answer goes out.
    func answered(_ style: AnswerStyle, _ requestID: RequestID, status: Int)
}
