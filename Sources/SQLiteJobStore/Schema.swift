internal import JobStore

/// The tables. Migrations only append; ARCHITECTURE.md lists every table with its cost rule.
enum Schema {
    /// "Slce": tells our files from others (sqlite.org/pragma.html#pragma_application_id).
    static let applicationID = 0x536C_6365

    static let migrations: [String] = [
        """
        CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
        INSERT INTO meta VALUES ('boot', 0);

        CREATE TABLE functions (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;

        CREATE TABLE jobs (
            row INTEGER PRIMARY KEY,
            random INTEGER NOT NULL,
            function INTEGER NOT NULL,
            owner TEXT,
            revision TEXT NOT NULL,
            created_at INTEGER NOT NULL,
            scheduled_for INTEGER,
            priority INTEGER NOT NULL,
            payload BLOB,
            parameters BLOB
        ) STRICT;

        CREATE TABLE queue (
            row INTEGER PRIMARY KEY,
            function INTEGER NOT NULL,
            priority INTEGER NOT NULL,
            due INTEGER NOT NULL,
            deadline INTEGER NOT NULL,
            state INTEGER NOT NULL CHECK (state IN (0, 1, 2)),
            run INTEGER NOT NULL CHECK (run >= 1),
            attempt INTEGER NOT NULL CHECK (attempt >= 0),
            used INTEGER NOT NULL CHECK (used >= 0),
            lost INTEGER NOT NULL CHECK (lost >= 0),
            lease INTEGER NOT NULL CHECK ((lease <> 0) = (state = 1)),
            lease_until INTEGER,
            started_at INTEGER,
            revision TEXT,
            last_error TEXT
        ) STRICT;
        CREATE INDEX queue_due ON queue (function, priority, due) WHERE state = 0;
        CREATE INDEX queue_deadline ON queue (deadline) WHERE state <> 1;
        CREATE INDEX queue_running ON queue (row) WHERE state = 1;

        CREATE TABLE attempts (
            job INTEGER NOT NULL,
            number INTEGER NOT NULL,
            run INTEGER NOT NULL,
            started_at INTEGER NOT NULL,
            completed_at INTEGER NOT NULL,
            result INTEGER NOT NULL,
            status_code INTEGER,
            error TEXT,
            revision TEXT NOT NULL,
            PRIMARY KEY (job, number)
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE outcomes (
            job INTEGER NOT NULL,
            run INTEGER NOT NULL,
            state INTEGER NOT NULL CHECK (state IN (3, 4, 5, 6)),
            failure INTEGER,
            completed_at INTEGER NOT NULL,
            attempt INTEGER NOT NULL,
            used INTEGER NOT NULL,
            lost INTEGER NOT NULL,
            last_error TEXT,
            value BLOB,
            final_started_at INTEGER,
            final_result INTEGER,
            final_status_code INTEGER,
            final_error TEXT,
            final_revision TEXT,
            purge_at INTEGER,
            tombstone_until INTEGER NOT NULL,
            PRIMARY KEY (job, run)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX outcomes_purge ON outcomes (purge_at) WHERE purge_at IS NOT NULL;

        CREATE TABLE tombstones (
            row INTEGER PRIMARY KEY,
            random INTEGER NOT NULL,
            function INTEGER NOT NULL,
            owner TEXT,
            until INTEGER NOT NULL
        ) STRICT;
        CREATE INDEX tombstones_until ON tombstones (until);

        CREATE TABLE idempotency (
            scope BLOB PRIMARY KEY,
            fingerprint BLOB NOT NULL,
            job INTEGER NOT NULL,
            random INTEGER NOT NULL,
            expires INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX idempotency_expires ON idempotency (expires);
        """,
        // Lanes: fairness between accounts, and limits by key without looking at every queued job.
        """
        ALTER TABLE jobs ADD COLUMN client TEXT;
        ALTER TABLE queue ADD COLUMN lane INTEGER NOT NULL DEFAULT 0;
        DROP INDEX queue_due;
        CREATE INDEX queue_due ON queue (function, lane, priority, due) WHERE state = 0;

        CREATE TABLE rate_windows (
            key INTEGER PRIMARY KEY,
            opened_at INTEGER NOT NULL,
            until INTEGER NOT NULL,
            used INTEGER NOT NULL CHECK (used >= 1)
        ) STRICT;
        CREATE INDEX rate_windows_until ON rate_windows (until);

        CREATE TABLE paused (function TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
        """,
        // Lists: jobs of an account, and jobs that did not complete, are few beside all others.
        """
        CREATE INDEX jobs_owner ON jobs (owner) WHERE owner IS NOT NULL;
        CREATE INDEX outcomes_unhappy ON outcomes (state, job) WHERE state <> 3;
        """,
        // Accounts, and whose job each live one is, so that an account's queue is counted without reading all others.
        """
        CREATE TABLE owners (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
        INSERT INTO owners (name) SELECT DISTINCT owner FROM jobs WHERE owner IS NOT NULL;
        ALTER TABLE queue ADD COLUMN owner INTEGER;
        UPDATE queue SET owner =
            (SELECT o.id FROM jobs j JOIN owners o ON o.name = j.owner WHERE j.row = queue.row);
        CREATE INDEX queue_owner ON queue (owner, function, due) WHERE state = 0 AND owner IS NOT NULL;
        CREATE INDEX queue_waiting ON queue (function, owner) WHERE state = 2;

        CREATE TABLE accounts (
            id TEXT PRIMARY KEY,
            name TEXT NOT NULL UNIQUE,
            created_at INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE api_keys (
            hash BLOB PRIMARY KEY,
            prefix TEXT NOT NULL UNIQUE,
            account TEXT NOT NULL,
            created_at INTEGER NOT NULL,
            revoked_at INTEGER
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX api_keys_account ON api_keys (account);
        """,
        // What targets answered: JSON, with the attempt that it came in. And whose job did not complete: an account's list
        // never looks at anybody else's rows.
        """
        ALTER TABLE attempts ADD COLUMN exchange BLOB;
        ALTER TABLE outcomes ADD COLUMN final_exchange BLOB;
        ALTER TABLE outcomes ADD COLUMN owner INTEGER;
        UPDATE outcomes SET owner =
            (SELECT o.id FROM jobs j JOIN owners o ON o.name = j.owner WHERE j.row = outcomes.job) WHERE state <> 3;
        CREATE INDEX outcomes_unhappy_owner ON outcomes (owner, state, job) WHERE state <> 3 AND owner IS NOT NULL;
        """,
        // Webhooks: stored with the end of their job. They outlive it, so they keep what they need of it.
        """
        ALTER TABLE jobs ADD COLUMN webhook TEXT;
        ALTER TABLE jobs ADD COLUMN headers BLOB;
        ALTER TABLE outcomes ADD COLUMN redirect TEXT;

        CREATE TABLE deliveries (
            number INTEGER PRIMARY KEY,
            job INTEGER NOT NULL,
            random INTEGER NOT NULL,
            run INTEGER NOT NULL CHECK (run >= 1),
            audience INTEGER NOT NULL CHECK (audience IN (0, 1)),
            function INTEGER NOT NULL,
            owner TEXT,
            url TEXT NOT NULL,
            body BLOB NOT NULL,
            state INTEGER NOT NULL CHECK (state IN (0, 1, 2)),
            due INTEGER NOT NULL,
            used INTEGER NOT NULL CHECK (used >= 0),
            attempts INTEGER NOT NULL CHECK (attempts >= used),
            lease INTEGER NOT NULL CHECK (lease = 0 OR state = 0),
            UNIQUE (job, run, audience)
        ) STRICT;
        CREATE INDEX deliveries_due ON deliveries (due) WHERE state = 0;

        CREATE TABLE delivery_attempts (
            delivery INTEGER NOT NULL,
            number INTEGER NOT NULL,
            started_at INTEGER NOT NULL,
            milliseconds INTEGER NOT NULL,
            status_code INTEGER,
            error TEXT,
            PRIMARY KEY (delivery, number)
        ) STRICT, WITHOUT ROWID;
        """,
        // Which queued jobs follow the wall clock when that is set.
        """
        ALTER TABLE queue ADD COLUMN names_wall INTEGER;
        CREATE INDEX queue_names_wall ON queue (names_wall) WHERE names_wall IS NOT NULL;
        """,
        // Lists: a function's jobs, what did not complete by function, and counts that need no counting. Outcomes whose job
        // was tried again have no `purge_at`: they are nobody's state any more.
        """
        CREATE INDEX jobs_function ON jobs (function);
        ALTER TABLE outcomes ADD COLUMN function INTEGER;
        UPDATE outcomes INDEXED BY outcomes_unhappy SET function = (SELECT function FROM jobs WHERE row = outcomes.job)
            WHERE state <> 3;
        DROP INDEX outcomes_unhappy;
        DROP INDEX outcomes_unhappy_owner;
        CREATE INDEX outcomes_unhappy ON outcomes (state, job, completed_at, purge_at)
            WHERE state <> 3 AND purge_at IS NOT NULL;
        CREATE INDEX outcomes_unhappy_function ON outcomes (function, state, job, completed_at, purge_at)
            WHERE state <> 3 AND purge_at IS NOT NULL;
        CREATE INDEX outcomes_unhappy_owner ON outcomes (owner, state, job, completed_at, function, purge_at)
            WHERE state <> 3 AND purge_at IS NOT NULL AND owner IS NOT NULL;
        CREATE TABLE tallies (
            owner INTEGER NOT NULL,
            function INTEGER NOT NULL,
            state INTEGER NOT NULL CHECK (state IN (3, 4, 5, 6)),
            count INTEGER NOT NULL,
            PRIMARY KEY (owner, function, state)
        ) STRICT, WITHOUT ROWID;
        INSERT INTO tallies (owner, function, state, count)
            SELECT 0, j.function, o.state, 1 FROM outcomes o CROSS JOIN jobs j ON j.row = o.job
            WHERE o.purge_at IS NOT NULL ON CONFLICT DO UPDATE SET count = count + 1;
        INSERT INTO tallies (owner, function, state, count)
            SELECT w.id, j.function, o.state, 1 FROM jobs j INDEXED BY jobs_owner JOIN owners w ON w.name = j.owner
                JOIN outcomes o ON o.job = j.row
            WHERE j.owner IS NOT NULL AND o.purge_at IS NOT NULL ON CONFLICT DO UPDATE SET count = count + 1;
        """,
        // What callers set for one job, and what they call it; and what the callback of a job that waits for a signal has
        // answered.
        """
        ALTER TABLE jobs ADD COLUMN type TEXT;
        ALTER TABLE jobs ADD COLUMN options BLOB;
        CREATE TABLE answers (job INTEGER PRIMARY KEY, value BLOB NOT NULL, redirect TEXT) STRICT;
        """,
        // Which address without credentials a queued job counts for. Beside the payload it would cost reading all of that.
        """
        ALTER TABLE queue ADD COLUMN stranger INTEGER;
        """,
    ]

    /// Refuses files of other programs and of newer versions.
    static func check(_ connection: Connection) throws(StoreError) {
        let version = Int(try connection.text(of: "PRAGMA user_version")) ?? 0
        let owner = Int(try connection.text(of: "PRAGMA application_id")) ?? 0
        let isEmpty = try connection.text(of: "SELECT count(*) FROM sqlite_schema") == "0"
        guard owner == applicationID || (owner == 0 && version == 0 && isEmpty) else {
            throw .unsuitable("the file is a database of another program")
        }
        guard version <= migrations.count else {
            throw .unsuitable(
                "the database was written by a newer Sluice (schema \(version), this one knows \(migrations.count))")
        }
    }

    /// Brings the file to the newest version, in one transaction: what ends in the middle leaves the old one.
    ///
    /// - Parameter progress: called now and then while it goes on.
    static func migrate(
        _ connection: Connection, lookingEverySteps steps: Int32 = 100_000,
        uptime: @escaping @Sendable () -> Int64 = { 0 },
        progress: @Sendable (MigrationProgress) -> Void = { _ in }
    ) throws(StoreError) {
        let version = Int(try connection.text(of: "PRAGMA user_version")) ?? 0
        guard version < migrations.count else { return }
        try connection.execute("BEGIN IMMEDIATE")
        do {
            var meter = try MigrationMeter(
                to: migrations.count, everySteps: steps, on: connection, uptime: uptime)
            for (number, migration) in migrations.enumerated().dropFirst(version) {
                try meter.run(migration, version: number + 1, on: connection, progress)
            }
            try connection.execute("PRAGMA user_version = \(migrations.count)")
            try connection.execute("PRAGMA application_id = \(applicationID)")
            try connection.execute("COMMIT")
        } catch {
            try? connection.execute("ROLLBACK")
            throw error
        }
    }
}
