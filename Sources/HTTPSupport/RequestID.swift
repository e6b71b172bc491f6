private import Synchronization

/// Finds a request in the log: unique within a process, and most likely beyond.
package struct RequestID: Sendable, CustomStringConvertible {
    fileprivate var prefix: String
    fileprivate var number: UInt64

    package init(prefix: String = "t", number: UInt64 = 0) {
        self.prefix = prefix
        self.number = number
    }

    /// Made when somebody wants to read it: most answers do not show it.
    package var description: String { "\(prefix)-\(String(number, radix: 36))" }
}

final class RequestIDs: Sendable {
    private let prefix: String
    private let count = Atomic<UInt64>(0)

    init(seed: UInt64) {
        prefix = String(seed & 0xFFFF_FFFF, radix: 36)
    }

    func next() -> RequestID {
        RequestID(prefix: prefix, number: count.wrappingAdd(1, ordering: .relaxed).newValue)
    }
}
