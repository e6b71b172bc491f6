/// The right to finish an attempt. A settlement whose token is no longer the job's is stale and changes nothing.
package struct Lease: Hashable, Sendable {
    /// Never 0; unique over the life of the store's file.
    package let token: Int64

    package init(token: Int64) {
        self.token = token
    }
}
