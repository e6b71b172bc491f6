internal import CSQLite
internal import JobModel
internal import JobStore

/// A prepared statement. Parameters count from 1, columns from 0, as in SQLite.
final class Statement {
    private let handle: OpaquePointer
    private let errors: ConnectionErrors
    /// SQLite copies what is bound: the bytes need not live until the step.
    private static let transient = unsafeBitCast(-1, to: sqlite3_destructor_type.self)

    /// - Parameter connection: SQLite's handle of it; it outlives the statement.
    init(_ sql: String, on connection: OpaquePointer, _ errors: ConnectionErrors) throws(StoreError) {
        var prepared: OpaquePointer?
        let code = sqlite3_prepare_v3(
            connection, sql, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &prepared, nil)
        guard code == SQLITE_OK, let prepared else { throw errors.failure(code) }
        handle = prepared
        self.errors = errors
    }

    deinit { sqlite3_finalize(handle) }

    func reset() {
        sqlite3_reset(handle)
        sqlite3_clear_bindings(handle)
    }

    @discardableResult func bind(_ index: Int32, _ value: Int64) -> Statement {
        sqlite3_bind_int64(handle, index, value)
        return self
    }

    @discardableResult func bind(_ index: Int32, _ value: Int) -> Statement { bind(index, Int64(value)) }

    @discardableResult func bind(_ index: Int32, _ time: Timestamp) -> Statement { bind(index, time.milliseconds) }

    /// What is not bound is NULL.
    @discardableResult func bind(_ index: Int32, _ time: Timestamp?) -> Statement {
        if let time { bind(index, time.milliseconds) }
        return self
    }

    @discardableResult func bind(_ index: Int32, _ value: Int64?) -> Statement {
        if let value { bind(index, value) }
        return self
    }

    @discardableResult func bind(_ index: Int32, _ text: String?) -> Statement {
        guard var text else { return self }
        text.withUTF8 { bytes in
            _ = bytes.withMemoryRebound(to: CChar.self) {
                sqlite3_bind_text(handle, index, $0.baseAddress, Int32(clamping: $0.count), Self.transient)
            }
        }
        return self
    }

    @discardableResult func bind(_ index: Int32, _ bytes: [UInt8]?) -> Statement {
        guard let bytes else { return self }
        bytes.withUnsafeBytes { (buffer) -> Void in
            if buffer.isEmpty {
                // A null pointer would bind NULL.
                sqlite3_bind_zeroblob(handle, index, 0)
            } else {
                sqlite3_bind_blob(handle, index, buffer.baseAddress, Int32(clamping: buffer.count), Self.transient)
            }
        }
        return self
    }

    /// True when there is a row.
    func step() throws(StoreError) -> Bool {
        switch sqlite3_step(handle) {
        case SQLITE_ROW: return true
        case SQLITE_DONE: return false
        case let code:
            let failure = errors.failure(code)
            sqlite3_reset(handle)
            throw failure
        }
    }

    /// Runs to the end and resets.
    func run() throws(StoreError) {
        while try step() {}
        sqlite3_reset(handle)
    }

    func isNull(_ column: Int32) -> Bool { sqlite3_column_type(handle, column) == SQLITE_NULL }

    func integer(_ column: Int32) -> Int64 { sqlite3_column_int64(handle, column) }

    func int(_ column: Int32) -> Int { Int(integer(column)) }

    func optionalInteger(_ column: Int32) -> Int64? { isNull(column) ? nil : integer(column) }

    func time(_ column: Int32) -> Timestamp { Timestamp(milliseconds: integer(column)) }

    func optionalTime(_ column: Int32) -> Timestamp? { isNull(column) ? nil : time(column) }

    func text(_ column: Int32) -> String {
        guard let bytes = sqlite3_column_text(handle, column) else { return "" }
        let count = Int(sqlite3_column_bytes(handle, column))
        return String(decoding: UnsafeBufferPointer(start: bytes, count: count), as: UTF8.self)
    }

    func optionalText(_ column: Int32) -> String? { isNull(column) ? nil : text(column) }

    func bytes(_ column: Int32) -> [UInt8]? {
        if isNull(column) { return nil }
        guard let start = sqlite3_column_blob(handle, column) else { return [] }
        return Array(UnsafeRawBufferPointer(start: start, count: Int(sqlite3_column_bytes(handle, column))))
    }
}
