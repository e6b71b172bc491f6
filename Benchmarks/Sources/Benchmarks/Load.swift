import CEpoll
import Foundation
import Glibc

/// Requests over keep-alive connections from one thread: as many as the server answers, or at a steady rate.
struct Load {
    struct Report {
        var seconds = 0.0
        /// How many answers had each status.
        var statuses: [Int: Int] = [:]
        /// Microseconds of each, in order.
        var latencies: [UInt32] = []
        /// The longest time in which no answer came at all, in seconds.
        var longestPause = 0.0

        var count: Int { latencies.count }
        var perSecond: Double { Double(count) / seconds }

        /// In microseconds.
        func percentile(_ percent: Double) -> Double {
            guard !latencies.isEmpty else { return 0 }
            return Double(latencies[min(latencies.count - 1, Int(Double(latencies.count) * percent / 100))])
        }
    }

    private final class Connection {
        let socket: Socket
        var sentAt: UInt64 = 0
        /// What has come of the present answer.
        var received = 0
        var buffer = [UInt8](repeating: 0, count: 16_384)

        init(_ socket: Socket) { self.socket = socket }

        /// The status of a whole answer in the buffer; nil while it is incomplete.
        func answer() throws -> Int? {
            try buffer.withUnsafeBytes { bytes in
                guard let blank = Self.find("\r\n\r\n", in: bytes, upTo: received) else { return nil }
                guard let field = Self.find("Content-Length: ", in: bytes, upTo: blank) else {
                    throw Socket.Failure(reason: "an answer without a length")
                }
                var length = 0
                var digit = field + 16
                while bytes[digit] >= 0x30, bytes[digit] <= 0x39 {
                    length = length * 10 + Int(bytes[digit] - 0x30)
                    digit += 1
                }
                guard received >= blank + 4 + length else { return nil }
                return Int(bytes[9] - 0x30) * 100 + Int(bytes[10] - 0x30) * 10 + Int(bytes[11] - 0x30)
            }
        }

        private static func find(_ text: StaticString, in bytes: UnsafeRawBufferPointer, upTo end: Int) -> Int? {
            let (start, count) = (text.utf8Start, text.utf8CodeUnitCount)
            var index = 0
            while index + count <= end {
                if (0..<count).allSatisfy({ bytes[index + $0] == start[$0] }) { return index }
                index += 1
            }
            return nil
        }
    }

    private var request: [UInt8]
    /// Where ten digits of the request stand that are another number each time.
    private var counter: Int?
    private let epoll: Int32
    private var connections: [Connection] = []

    /// What stands for ten digits that are another number in each request.
    static let number = "0000000000"

    /// - Parameter body: nil sends a GET.
    init(port: Int, connections count: Int, path: String, body: String? = "{}", headers: [String] = []) throws {
        var head = "\(body == nil ? "GET" : "POST") \(path) HTTP/1.1\r\nHost: localhost:\(port)\r\n"
        for header in headers { head += header + "\r\n" }
        if let body { head += "Content-Type: application/json\r\nContent-Length: \(body.utf8.count)\r\n" }
        request = Array((head + "\r\n" + (body ?? "")).utf8)
        counter = head.range(of: Self.number).map { head.utf8.distance(from: head.utf8.startIndex, to: $0.lowerBound) }
        epoll = epoll_create1(0)
        for index in 0..<count {
            let connection = Connection(try Socket(port: port))
            connections.append(connection)
            var event = epoll_event()
            event.events = EPOLLIN.rawValue
            event.data.u32 = UInt32(index)
            epoll_ctl(epoll, EPOLL_CTL_ADD, connection.socket.descriptor, &event)
        }
    }

    func close() {
        for connection in connections { connection.socket.close() }
        Glibc.close(epoll)
    }

    /// The next request goes out as soon as the answer to the one before is in.
    mutating func closed(seconds: Double) throws -> Report { try run(seconds: seconds, perSecond: nil) }

    /// A request every so often, whether the server keeps up or not (as long as a connection is free).
    mutating func steady(perSecond: Double, seconds: Double) throws -> Report {
        try run(seconds: seconds, perSecond: perSecond)
    }

    private mutating func run(seconds: Double, perSecond: Double?) throws -> Report {
        var report = Report()
        report.latencies.reserveCapacity(1 << 20)
        var events = [epoll_event](repeating: epoll_event(), count: 256)
        let start = Clock.nanoseconds()
        let end = start + UInt64(seconds * 1e9)
        var lastAnswer = start
        var sent = 0
        var idle = connections
        if perSecond == nil {
            for connection in connections { try send(connection) }
            idle = []
        }
        var inFlight = connections.count - idle.count
        while true {
            var now = Clock.nanoseconds()
            if let perSecond, now < end {
                while Double(sent) < Double(now - start) / 1e9 * perSecond, let connection = idle.popLast() {
                    try send(connection)
                    sent += 1
                    inFlight += 1
                }
            }
            if now >= end, inFlight == 0 { break }
            let ready = epoll_wait(epoll, &events, Int32(events.count), perSecond == nil ? 1000 : 1)
            now = Clock.nanoseconds()
            if now > end + 10_000_000_000 { throw Socket.Failure(reason: "answers are missing 10 s after the end") }
            for index in 0..<max(0, Int(ready)) {
                let connection = connections[Int(events[index].data.u32)]
                guard let status = try receive(connection) else { continue }
                report.statuses[status, default: 0] += 1
                report.latencies.append(UInt32(clamping: (now - connection.sentAt) / 1000))
                report.longestPause = max(report.longestPause, Double(now - lastAnswer) / 1e9)
                lastAnswer = now
                if perSecond == nil, now < end {
                    try send(connection)
                } else {
                    inFlight -= 1
                    idle.append(connection)
                }
            }
        }
        report.seconds = Double(Clock.nanoseconds() - start) / 1e9
        report.latencies.sort()
        return report
    }

    private mutating func send(_ connection: Connection) throws {
        connection.received = 0
        if let counter {
            var digit = counter + Self.number.utf8.count - 1
            while digit >= counter, request[digit] == UInt8(ascii: "9") {
                request[digit] = UInt8(ascii: "0")
                digit -= 1
            }
            if digit >= counter { request[digit] += 1 }
        }
        connection.sentAt = Clock.nanoseconds()
        try connection.socket.send(request)
    }

    /// The status, once the whole answer is here.
    private func receive(_ connection: Connection) throws -> Int? {
        let space = connection.buffer.count - connection.received
        let received = connection.received
        let count = connection.buffer.withUnsafeMutableBytes { bytes in
            read(connection.socket.descriptor, bytes.baseAddress.map { $0 + received }, space)
        }
        guard count > 0 else { throw Socket.Failure(reason: "the server closed a connection") }
        connection.received += count
        return try connection.answer()
    }
}
