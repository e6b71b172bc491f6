internal import JobStore
internal import Synchronization

/// Read-only connections, one per reading thread, kept when they are not in use.
///
/// A point read takes microseconds, so it runs where its caller runs.
final class ReaderPool: Sendable {
    private struct Idle: @unchecked Sendable {  // A connection is in the pool or with one reader, never both.
        let connection: Connection
    }

    private let path: String
    private let idle = Mutex<[Idle]?>([])

    init(path: String) {
        self.path = path
    }

    func read<Value>(_ body: (Connection) throws(StoreError) -> Value) throws(StoreError) -> Value {
        let (isOpen, kept) = idle.withLock { idle in (idle != nil, idle?.popLast()) }
        guard isOpen else { throw .closed }
        let reader: Idle
        if let kept { reader = kept } else { reader = Idle(connection: try Connection(path: path, role: .reader)) }
        defer { idle.withLock { $0?.append(reader) } }
        return try body(reader.connection)
    }

    func close() { idle.withLock { $0 = nil } }
}
