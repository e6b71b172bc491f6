internal import JobModel

/// Who shares the slots: each of these is one, however many receivers it names.
enum DeliverySigner: Hashable, Sendable {
    /// The operator, by the `onComplete` of the manifest.
    case onComplete
    case account(String)
    /// All callers without credentials together: they cost nothing to make.
    case anonymous

    init(of delivery: Delivery) {
        switch delivery.content.audience {
        case .function: self = .onComplete
        case .caller: self = delivery.owner.map { .account($0) } ?? .anonymous
        }
    }
}
