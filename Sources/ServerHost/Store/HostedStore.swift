package import JobStore
package import Logging
package import SQLiteJobStore

/// What a server asks of its store: jobs, accounts, and a copy of both.
package protocol HostedStore: EngineStore, AccountStore {
    /// What is open as the database, wherever it lies by now.
    var openFiles: [FileIdentity] { get }

    /// Writes a copy of everything, as it is now, to a file that is not there yet.
    ///
    /// - Parameter isStopping: asked between steps; when true the copy is given up.
    func backup(to path: String, isStopping: @escaping @Sendable () -> Bool) async throws(StoreError)
}

extension SQLiteJobStore: HostedStore {}

/// How a server comes by its store: opens what lies at a path. It tells the log what people should know of it; `stream` is
/// to be flushed before it ends the process.
package typealias StoreOpener =
    @Sendable (_ path: String, _ logger: Logger, _ stream: LogStream) throws -> any HostedStore
