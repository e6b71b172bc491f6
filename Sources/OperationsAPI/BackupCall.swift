private import FoundationEssentials
internal import HTTPSupport
internal import NIOHTTP1
private import Platform
private import Synchronization

/// `GET /v1/backup`: a copy of the database as it is at one moment, while serving.
///
/// The copy is made beside the database first: a slow reader of the answer holds up nothing.
struct BackupCall: Sendable {
    private static let pieceBytes = 256 << 10

    private let isStopping: @Sendable () -> Bool
    private let ownRole: @Sendable (BackupTarget) async -> String?
    private let makeCopy: @Sendable () async throws -> String
    private let turn = BackupTurn()

    /// - Parameters:
    ///   - isStopping: whether the server shuts down: then a copy is cut off, and the client sees that it is not whole.
    ///   - ownRole: what a target is to the server; nil when it is none of its files.
    ///   - makeCopy: writes the copy and returns its path; who sends it removes it.
    init(
        isStopping: @escaping @Sendable () -> Bool,
        ownRole: @escaping @Sendable (BackupTarget) async -> String?,
        makeCopy: @escaping @Sendable () async throws -> String
    ) {
        self.isStopping = isStopping
        self.ownRole = ownRole
        self.makeCopy = makeCopy
    }

    func callAsFunction(_ request: ServerRequest) async throws -> ServerReply {
        guard request.mayStream else { throw Problem(400, "A backup takes a GET over HTTP/1.1.") }
        let target = try BackupTarget(request)
        if let role = await ownRole(target) {
            throw Problem(
                400, "The server lives on this file: it is \(role). Write the backup to another file.",
                kind: "own-file", title: "The server's own file")
        }
        guard turn.take() else {
            throw Problem(
                409, "A backup is being made already; wait for it.", kind: "backup-busy", title: "Backup under way",
                headers: [("Retry-After", "10")])
        }
        let copy: BackupCopy
        do {
            copy = BackupCopy(path: try await makeCopy(), turn: turn)
        } catch {
            turn.giveBack()
            throw error
        }
        let head = ServerResponse(
            status: 200, headers: ["Content-Type": "application/vnd.sqlite3", "Cache-Control": "no-store"])
        return .stream(head) { [isStopping] write in
            let file = try InputFile(path: copy.path)
            while case let piece = try file.read(upTo: Self.pieceBytes), !piece.isEmpty {
                if isStopping() { throw CancellationError() }
                try await write(piece)
            }
            // Before the answer ends: whoever saw its end may ask for the next one.
            copy.remove()
        }
    }
}

/// One backup at a time: each needs as much disk as the database.
private final class BackupTurn: Sendable {
    private let isTaken = Atomic(false)

    func take() -> Bool {
        isTaken.compareExchange(expected: false, desired: true, ordering: .acquiringAndReleasing).exchanged
    }

    func giveBack() { isTaken.store(false, ordering: .releasing) }
}

/// The file that is sent; gone with whoever sends it, also when the client left before the first byte.
private final class BackupCopy: Sendable {
    let path: String
    private let turn: BackupTurn
    private let isRemoved = Atomic(false)

    init(path: String, turn: BackupTurn) {
        self.path = path
        self.turn = turn
    }

    /// Once; a later call does nothing.
    func remove() {
        guard !isRemoved.exchange(true, ordering: .acquiringAndReleasing) else { return }
        try? FileManager.default.removeItem(atPath: path)
        turn.giveBack()
    }

    deinit { remove() }
}
