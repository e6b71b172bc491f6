internal import JobModel

enum DeliverySQL {
    /// When a delivery is due that somebody holds: then it is out of the way of those who look for what is due.
    static let never = Timestamp(milliseconds: .max)
    static let due: StaticString =
        """
        SELECT d.number, d.job, d.random, d.run, f.name, d.owner, d.audience, d.url, d.body, d.state, d.due, d.used,
            d.attempts, d.lease
        FROM deliveries d INDEXED BY deliveries_due JOIN functions f ON f.id = d.function
        WHERE d.state = 0 AND d.due <= ?1 ORDER BY d.due LIMIT ?2
        """
    /// One process per file: whatever is leased when an epoch begins belongs to one that is over.
    static let freeAll = "UPDATE deliveries SET lease = 0, due = 0 WHERE state = 0 AND lease <> 0"
    static let nextDue: StaticString =
        "SELECT min(due) FROM deliveries INDEXED BY deliveries_due WHERE state = 0 AND due > ?1 AND due < ?2"
    static let held: StaticString =
        """
        SELECT number, lease FROM deliveries INDEXED BY deliveries_due
        WHERE state = 0 AND due = ?1 AND number > ?2
            AND lease > (SELECT value << 40 FROM meta WHERE name = 'boot') ORDER BY number LIMIT ?3
        """
    static let ofJob: StaticString =
        """
        SELECT d.number, d.job, d.random, d.run, f.name, d.owner, d.audience, d.url, d.body, d.state, d.due, d.used,
            d.attempts, d.lease
        FROM deliveries d JOIN functions f ON f.id = d.function WHERE d.job = ?1 ORDER BY d.run, d.audience
        """
    static let pending = "SELECT count(*) FROM deliveries INDEXED BY deliveries_due WHERE state = 0"
}
