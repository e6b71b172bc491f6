internal import PayloadSchema

/// `traceparent` (W3C Trace Context, section 3.2): `00-<32 hex: trace>-<16 hex: span>-<2 hex: flags>`.
package enum TraceContext {
    package static let fieldName = "traceparent"

    /// Whether a caller's value is one that may be continued.
    package static func isValid(_ text: String) -> Bool { parts(text) != nil }

    /// What the target of an attempt is told: the caller's trace where there is one, else one of the job's own; every
    /// attempt is a span of its own.
    package static func field(for call: HandlerCall) -> String {
        let given = call.job.options.forwarded.first { $0.name == fieldName }.flatMap { parts($0.value) }
        let trace = given?.trace ?? call.job.id.uuid.hex
        // The job's random bits tell its spans from others', the attempt tells them apart; never zero.
        let span = (call.job.id.random &* 0x9E37_79B9_7F4A_7C15 &+ UInt64(clamping: call.attempt)) | 1 << 63
        return "00-\(trace)-\(Hexadecimal.text(span))-\(given?.flags ?? "01")"
    }

    /// nil for what is malformed or all zeros; of a later version the parts of this one are read.
    private static func parts(_ text: String) -> (trace: String, flags: String)? {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false).map(String.init)
        guard parts.count >= 4, isHex(parts[0], 2), parts[0] != "ff", parts[0] != "00" || parts.count == 4,
            isHex(parts[1], 32), parts[1].contains(where: { $0 != "0" }),
            isHex(parts[2], 16), parts[2].contains(where: { $0 != "0" }), isHex(parts[3], 2)
        else { return nil }
        return (parts[1], parts[3])
    }

    /// Capitals are refused (section 3.2.2).
    private static func isHex(_ text: String, _ count: Int) -> Bool {
        text.utf8.count == count
            && text.utf8.allSatisfy { Hexadecimal.value(of: $0) != nil && ASCII.lowercase($0) == $0 }
    }
}
