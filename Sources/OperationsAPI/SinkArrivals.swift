package import JobModel
internal import PayloadSchema

/// What the sinks of `sluice dev` keep: the latest of each, within a bound for all of them together. Bodies stay bytes: parsed
/// they would take up many times as much.
package struct SinkArrivals: Sendable {
    package struct Step: Sendable {
        package var name: String
        package var isRight: Bool
        package var detail: String

        package init(name: String, isRight: Bool, detail: String) {
            self.name = name
            self.isRight = isRight
            self.detail = detail
        }
    }

    package struct Arrival: Sendable {
        package var at: Timestamp
        package var id: String
        package var attempt: String
        package var answered: Int
        package var steps: [Step]
        package var body: [UInt8]
        package var isJSON: Bool

        package init(
            at: Timestamp, id: String, attempt: String, answered: Int, steps: [Step], body: [UInt8], isJSON: Bool
        ) {
            self.at = at
            self.id = id
            self.attempt = attempt
            self.answered = answered
            self.steps = steps
            self.body = body
            self.isJSON = isJSON
        }
    }

    /// Of each sink the latest are kept.
    package static let kept = 100
    package static let sinks = 100
    /// Of all sinks together; what came first goes first.
    package static let bytes = 16 << 20
    /// So much of a body that is not JSON is shown.
    private static let textBytes = 65_536

    private struct Entry: Sendable {
        var sink: String
        var arrival: Arrival

        /// What it takes up, its own bookkeeping included.
        var bytes: Int {
            arrival.steps.reduce(arrival.body.count + sink.utf8.count + arrival.id.utf8.count + 512) {
                $0 + $1.name.utf8.count + $1.detail.utf8.count + 64
            }
        }
    }

    /// In the order in which they came.
    private var entries: [Entry] = []
    private var counts: [String: Int] = [:]
    package private(set) var usedBytes = 0

    package init() {}

    package mutating func add(_ arrival: Arrival, to sink: String) {
        guard counts[sink] != nil || counts.count < Self.sinks else { return }
        var entry = Entry(sink: sink, arrival: arrival)
        if entry.bytes > Self.bytes {
            entry.arrival.body = Array("\"\(arrival.body.count) bytes, more than a sink keeps\"".utf8)
            entry.arrival.isJSON = true
        }
        entries.append(entry)
        counts[sink, default: 0] += 1
        usedBytes += entry.bytes
        if counts[sink, default: 0] > Self.kept, let first = entries.firstIndex(where: { $0.sink == sink }) {
            remove(at: first)
        }
        while usedBytes > Self.bytes, !entries.isEmpty { remove(at: 0) }
    }

    package mutating func remove(_ sink: String) {
        guard counts.removeValue(forKey: sink) != nil else { return }
        usedBytes -= entries.reduce(0) { $0 + ($1.sink == sink ? $1.bytes : 0) }
        entries.removeAll { $0.sink == sink }
    }

    /// The oldest first.
    package subscript(sink: String) -> [Arrival] { entries.filter { $0.sink == sink }.map(\.arrival) }

    private mutating func remove(at index: Int) {
        let entry = entries.remove(at: index)
        usedBytes -= entry.bytes
        let left = counts[entry.sink, default: 1] - 1
        counts[entry.sink] = left > 0 ? left : nil
    }
}

extension SinkArrivals {
    /// The newest first. A body that is JSON stands there as it came.
    package static func json(_ sink: String, _ arrivals: [Arrival]) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.append(contentsOf: #"{"sink":"#.utf8)
        JSONValue.write(sink, to: &bytes)
        bytes.append(contentsOf: #","count":\#(arrivals.count),"webhooks":["#.utf8)
        for (index, arrival) in arrivals.reversed().enumerated() {
            if index > 0 { bytes.append(UInt8(ascii: ",")) }
            head(of: arrival).write(to: &bytes)
            // The body is its last member.
            bytes.removeLast()
            bytes.append(contentsOf: #","body":"#.utf8)
            if arrival.isJSON {
                bytes.append(contentsOf: arrival.body)
            } else {
                JSONValue.write(String(decoding: arrival.body.prefix(textBytes), as: UTF8.self), to: &bytes)
            }
            bytes.append(UInt8(ascii: "}"))
        }
        bytes.append(contentsOf: "]}".utf8)
        return bytes
    }

    private static func head(of arrival: Arrival) -> JSONValue {
        [
            "at": .string(arrival.at.description), "id": .string(arrival.id), "attempt": .string(arrival.attempt),
            "answered": .integer(arrival.answered), "verified": .bool(arrival.steps.allSatisfy(\.isRight)),
            "steps": .array(
                arrival.steps.map { step in
                    ["step": .string(step.name), "ok": .bool(step.isRight), "detail": .string(step.detail)]
                }),
        ]
    }
}
