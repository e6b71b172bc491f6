private import Hashing
internal import JobModel
internal import JobStore
internal import PayloadSchema

/// Makes idempotency keys of calls.
///
/// Scope: account (or address when there is none, IPv6 by /64), function, key. Compared: request line and body bytes.
enum CallKey {
    /// - Parameters:
    ///   - payload: parsed where the function takes its key from it.
    ///   - now: steady time.
    /// - Returns: nil when neither the caller nor the function names one.
    static func of(
        _ submission: Submission, payload: JSONValue?, function: Function, at now: Timestamp
    ) -> IdempotencyKey? {
        var text = submission.idempotencyKey
        if text == nil, let path = function.idempotency?.key {
            let values = TemplateValues(payload: payload ?? .null, parameters: .object(submission.parameters))
            text = values[path]?.scalarText
        }
        guard let text else { return nil }
        return IdempotencyKey(
            scope: scope(
                owner: submission.owner, clientAddress: submission.clientAddress, function: function.name, key: text),
            fingerprint: hash(submission.requestLine, submission.payload ?? []),
            expires: now + function.idempotencyWindow)
    }

    /// Whose key it is, hashed: of an account, or of an address when there is none.
    static func scope(owner: String?, clientAddress: String, function: String, key: String) -> [UInt8] {
        let caller =
            owner.map { "account:\($0)" }
            ?? "ip:\(CallerAddress(clientAddress).map { $0.description } ?? clientAddress)"
        return hash([caller, function, key], [])
    }

    /// Every text with its length before it, so that no two lists of texts hash the same input.
    private static func hash(_ texts: [String], _ bytes: [UInt8]) -> [UInt8] {
        var head: [UInt8] = []
        for text in texts {
            head.append(contentsOf: "\(text.utf8.count):".utf8)
            head.append(contentsOf: text.utf8)
        }
        let hash = SHA256.hash { hash in
            hash.update(head)
            hash.update(bytes)
        }
        return hash.bytes
    }
}
