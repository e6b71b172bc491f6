internal import DequeModule
internal import NIOHTTP1

/// What has come of a connection's requests and cannot be looked at yet, because an earlier one is being answered. Bounded: a
/// part takes many times the memory of its bytes.
struct PipelinedInput {
    enum Item {
        case part(HTTPServerRequestPart)
        /// What the decoder made of bytes that are not HTTP.
        case failure(status: Int, detail: String)
    }

    private var items: Deque<Item> = []
    /// More has come than is kept. What is kept is answered, then the connection ends.
    private(set) var hasOverflowed = false

    var isEmpty: Bool { items.isEmpty }

    /// False when nothing more is kept.
    mutating func append(_ item: Item) -> Bool {
        hasOverflowed = hasOverflowed || items.count >= HTTPLimits.waitingParts
        if !hasOverflowed { items.append(item) }
        return !hasOverflowed
    }

    mutating func popFirst() -> Item? { items.popFirst() }

    mutating func removeAll() { items = [] }
}
