internal import JobModel
internal import JobStore

/// The writer's connection and what it alone knows.
final class WriterSession {
    let connection: Connection
    let files: OpenedFiles
    /// Of the leases that this process gives: a boot of the file, from 1. Those of earlier epochs are void. Known in every
    /// transaction.
    private(set) var epoch: Int64 = 0
    private var lastLease: Int64 = 0
    var ids: IDSource
    var functions = NameNumbers.functions
    var owners = NameNumbers.owners
    var tallies = Tallies()
    var checkpoints = CheckpointPlan()

    private let onBoot: () -> Void
    private var hasBooted = false
    private var changesBefore: Int32 = 0

    /// - Parameter onBoot: called once, when this process has written something.
    init(connection: Connection, ids: IDSource, files: OpenedFiles, onBoot: @escaping () -> Void) {
        self.connection = connection
        self.ids = ids
        self.files = files
        self.onBoot = onBoot
    }

    func newLease() -> Lease {
        lastLease += 1
        return Lease(epoch: epoch, number: lastLease)
    }

    /// Makes everything void that a former process has leased.
    func boot() throws(StoreError) {
        do {
            try begin()
            try commit()
        } catch {
            rollBack()
            throw error
        }
    }

    /// The first transaction of the process makes void what a former one has leased. It may come long after the start,
    /// when the disk was full then.
    func begin() throws(StoreError) {
        try connection.begin()
        changesBefore = connection.totalChanges
        guard !hasBooted else { return }
        try connection.execute("UPDATE meta SET value = value + 1 WHERE name = 'boot'")
        epoch = Int64(try connection.text(of: "SELECT value FROM meta WHERE name = 'boot'")) ?? 0
        try connection.execute(DeliverySQL.freeAll)
    }

    /// Whether the transaction has changed anything.
    var hasChanged: Bool { connection.totalChanges != changesBefore }

    func commit() throws(StoreError) {
        try connection.execute("COMMIT")
        guard !hasBooted else { return }
        hasBooted = true
        onBoot()
    }

    func rollBack() {
        connection.rollBack()
        // Names that the transaction added are gone.
        functions.forget()
        owners.forget()
        tallies.forget()
    }
}
