/// Why a store cannot do its work.
package enum StoreError: Error, Equatable, Sendable {
    /// No space left, or no more allowed; reads go on.
    case full
    /// The disk or the connection failed; nothing was changed, and it may succeed later.
    case unavailable(String)
    /// What was written may not be on the disk, although a later sync succeeds: nothing may be acknowledged any more.
    case syncFailed(String)
    /// It is not a database that this version can use here.
    case unsuitable(String)
    /// What is stored contradicts itself.
    case corrupt(String)
    /// As many reads wait for their turn as may.
    case busy
    case closed
}

extension StoreError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .full: "the disk is full"
        case .unavailable(let reason), .unsuitable(let reason): reason
        case .syncFailed(let reason): "what was written could not be synced to the disk: \(reason)"
        case .corrupt(let reason): "the database is damaged: \(reason)"
        case .busy: "too many reads wait for their turn"
        case .closed: "the store is closed"
        }
    }
}
