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
    private let files: OpenedFiles
    private let health: StoreHealth
    private let idle: Mutex<[Idle]?>

    /// - Parameter ready: so many are opened now: they read on when the file is no longer where it was.
    init(path: String, files: OpenedFiles, health: StoreHealth, ready: Int) throws(StoreError) {
        self.path = path
        self.files = files
        self.health = health
        var connections: [Idle] = []
        for _ in 0..<ready { connections.append(Idle(connection: try Self.open(path, files))) }
        idle = Mutex(connections)
    }

    func read<Value>(_ body: (Connection) throws(StoreError) -> Value) throws(StoreError) -> Value {
        let (isOpen, kept) = idle.withLock { idle in (idle != nil, idle?.popLast()) }
        guard isOpen else { throw .closed }
        let reader: Idle
        if let kept { reader = kept } else { reader = Idle(connection: try Self.open(path, files)) }
        defer { idle.withLock { $0?.append(reader) } }
        do {
            return try body(reader.connection)
        } catch {
            health.note(error)
            throw error
        }
    }

    /// By name, as SQLite opens files: what lies there must be our file before and after.
    private static func open(_ path: String, _ files: OpenedFiles) throws(StoreError) -> Connection {
        if let reason = files.displacement { throw .unavailable(reason) }
        let connection = try Connection(path: path, role: .reader)
        if let reason = files.displacement { throw .unavailable(reason) }
        return connection
    }

    func close() { idle.withLock { $0 = nil } }
}
