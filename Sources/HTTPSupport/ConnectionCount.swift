private import Synchronization

/// Open connections of a server.
package final class ConnectionCount: Sendable {
    private let count = Atomic(0)

    package init() {}

    package var value: Int { count.load(ordering: .relaxed) }

    func change(by difference: Int) { count.wrappingAdd(difference, ordering: .relaxed) }
}
