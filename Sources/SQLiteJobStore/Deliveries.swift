package import JobModel
package import JobStore

extension SQLiteJobStore {
    package func claimDeliveries(limit: Int, at now: Timestamp) async throws(StoreError) -> DeliveryClaim {
        try await writer.perform { session throws(StoreError) in
            try session.claimDeliveries(limit: limit, at: now)
        }
    }

    package func heldDeliveries(after cursor: Int64?, limit: Int) async throws(StoreError) -> [LeasedDelivery] {
        try readers.read { connection throws(StoreError) in
            let select = try connection.statement(DeliverySQL.held).bind(1, DeliverySQL.never).bind(2, cursor ?? -1)
                .bind(3, limit)
            defer { select.reset() }
            var leases: [LeasedDelivery] = []
            while try select.step() {
                leases.append(LeasedDelivery(number: select.integer(0), lease: Lease(token: select.integer(1))))
            }
            return leases
        }
    }

    package func settleDeliveries(
        _ settlements: [DeliverySettlement]
    ) async throws(StoreError) -> [SettleResult] {
        try await writer.perform { session throws(StoreError) in
            var results: [SettleResult] = []
            for settlement in settlements { results.append(try session.connection.settle(settlement)) }
            return results
        }
    }

    package func deliveries(of id: JobID) async throws(StoreError) -> [DeliveryRecord] {
        try readers.read { connection throws(StoreError) in
            let select = try connection.statement(DeliverySQL.ofJob).bind(1, id.row)
            defer { select.reset() }
            var records: [DeliveryRecord] = []
            while try select.step() {
                let delivery = select.delivery()
                // The row is known, the random bits are not: somebody guesses.
                guard delivery.job == id else { continue }
                records.append(
                    DeliveryRecord(delivery: delivery, attempts: try connection.log(of: delivery.number)))
            }
            return records
        }
    }

    package func resend(_ delivery: Int64, at now: Timestamp) async throws(StoreError) -> Bool {
        try await writer.perform { session throws(StoreError) in
            try session.connection.statement(
                "UPDATE deliveries SET state = 0, due = ?2, used = 0 WHERE number = ?1 AND state <> 0"
            ).bind(1, delivery).bind(2, now).run()
            return session.connection.changes == 1
        }
    }

    package func pendingDeliveries() async throws(StoreError) -> Int {
        try readers.read { connection throws(StoreError) in
            Int(try connection.text(of: DeliverySQL.pending)) ?? 0
        }
    }
}

extension WriterSession {
    func store(_ delivery: NewDelivery, of row: Int64, run: Int, due: Timestamp) throws(StoreError) {
        try connection.statement(
            """
            INSERT INTO deliveries (job, random, run, audience, function, owner, url, body, state, due, used, attempts,
                lease)
            SELECT row, random, ?2, ?3, function, owner, ?4, ?5, 0, ?6, 0, 0, 0 FROM jobs WHERE row = ?1
            """
        )
        .bind(1, row).bind(2, run).bind(3, delivery.audience.rawValue).bind(4, delivery.url).bind(5, delivery.body)
        .bind(6, due).run()
    }

    fileprivate func claimDeliveries(limit: Int, at now: Timestamp) throws(StoreError) -> DeliveryClaim {
        let select = try connection.statement(DeliverySQL.due).bind(1, now).bind(2, limit)
        var found: [Delivery] = []
        while try select.step() { found.append(select.delivery()) }
        select.reset()
        for index in found.indices {
            let lease = newLease()
            try connection.statement("UPDATE deliveries SET lease = ?2, due = ?3 WHERE number = ?1")
                .bind(1, found[index].number).bind(2, lease.token).bind(3, DeliverySQL.never).run()
            found[index].lease = lease
        }
        guard found.count < limit else { return DeliveryClaim(deliveries: found, nextDue: now) }
        let next = try connection.statement(DeliverySQL.nextDue).bind(1, now).bind(2, DeliverySQL.never)
        defer { next.reset() }
        return DeliveryClaim(deliveries: found, nextDue: try next.step() ? next.optionalTime(0) : nil)
    }
}

extension Connection {
    fileprivate func settle(_ settlement: DeliverySettlement) throws(StoreError) -> SettleResult {
        let (state, due): (Delivery.State, Timestamp?) =
            switch settlement.change {
            case .later(let time): (.pending, time)
            case .delivered: (.delivered, nil)
            case .failed: (.failed, nil)
            }
        let made = settlement.attempt == nil ? 0 : 1
        try statement(
            """
            UPDATE deliveries SET state = ?3, due = ifnull(?4, due), used = used + ?5, attempts = attempts + ?5,
                lease = 0 WHERE number = ?1 AND lease = ?2
            """
        )
        .bind(1, settlement.number).bind(2, settlement.lease.token).bind(3, state.rawValue).bind(4, due).bind(5, made)
        .run()
        guard changes == 1 else { return .stale }
        if let attempt = settlement.attempt {
            try statement(
                """
                INSERT INTO delivery_attempts (delivery, number, started_at, milliseconds, status_code, error)
                VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                """
            )
            .bind(1, settlement.number).bind(2, attempt.number).bind(3, attempt.startedAt)
            .bind(4, attempt.milliseconds).bind(5, attempt.statusCode.map(Int64.init)).bind(6, attempt.error).run()
        }
        if state != .pending { try forgetIfOrphaned(settlement.number) }
        return .settled
    }

    /// The job's retention was over before its webhook had arrived.
    private func forgetIfOrphaned(_ number: Int64) throws(StoreError) {
        try statement(
            """
            DELETE FROM deliveries WHERE number = ?1 AND NOT EXISTS (SELECT 1 FROM jobs WHERE row = deliveries.job)
            """
        ).bind(1, number).run()
        guard changes == 1 else { return }
        try statement("DELETE FROM delivery_attempts WHERE delivery = ?1").bind(1, number).run()
    }

    /// Those of a job that is pruned; what is still pending stays until it has ended.
    func forgetDeliveries(of row: Int64) throws(StoreError) {
        try statement(
            """
            DELETE FROM delivery_attempts WHERE delivery IN
                (SELECT number FROM deliveries WHERE job = ?1 AND state <> 0)
            """
        ).bind(1, row).run()
        try statement("DELETE FROM deliveries WHERE job = ?1 AND state <> 0").bind(1, row).run()
    }

    fileprivate func log(of delivery: Int64) throws(StoreError) -> [DeliveryAttempt] {
        let select = try statement(
            """
            SELECT number, started_at, milliseconds, status_code, error FROM delivery_attempts
            WHERE delivery = ?1 ORDER BY number
            """
        ).bind(1, delivery)
        defer { select.reset() }
        var attempts: [DeliveryAttempt] = []
        while try select.step() {
            attempts.append(
                DeliveryAttempt(
                    number: select.int(0), startedAt: select.time(1), milliseconds: select.integer(2),
                    statusCode: select.optionalInteger(3).map(Int.init), error: select.optionalText(4)))
        }
        return attempts
    }
}

extension Statement {
    /// The columns of `DeliverySQL`.
    fileprivate func delivery() -> Delivery {
        let lease = integer(13)
        return Delivery(
            number: integer(0), job: JobID(row: integer(1), random: UInt64(bitPattern: integer(2))), run: int(3),
            function: text(4), owner: optionalText(5),
            content: NewDelivery(
                audience: WebhookAudience(rawValue: integer(6)) ?? .caller, url: text(7), body: bytes(8) ?? []),
            state: Delivery.State(rawValue: integer(9)) ?? .pending, due: time(10), used: int(11), attempts: int(12),
            lease: lease == 0 ? nil : Lease(token: lease))
    }
}
