package import JobModel

/// A running job and the lease that it runs under.
package struct HeldLease: Hashable, Sendable {
    package var id: JobID
    package var lease: Lease

    package init(id: JobID, lease: Lease) {
        self.id = id
        self.lease = lease
    }
}
