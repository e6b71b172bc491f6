internal import Glibc
internal import NIOCore
private import Synchronization

/// The Date field (RFC 9110, section 6.6.1), made anew once a second for all connections.
enum DateField {
    private static let latest = Mutex((second: time_t.min, line: [UInt8]()))

    static func write(into buffer: inout ByteBuffer) {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME_COARSE, &now)
        let line = latest.withLock { latest in
            if now.tv_sec != latest.second { latest = (now.tv_sec, Array("Date: \(format(now.tv_sec))\r\n".utf8)) }
            return latest.line
        }
        buffer.writeBytes(line)
    }

    /// IMF-fixdate: `Sun, 06 Nov 1994 08:49:37 GMT`.
    static func format(_ seconds: time_t) -> String {
        var seconds = seconds
        var parts = tm()
        gmtime_r(&seconds, &parts)
        let days = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        func two(_ number: Int32) -> String { number < 10 ? "0\(number)" : "\(number)" }
        let day = days[Int(parts.tm_wday) % 7]
        let month = months[Int(parts.tm_mon) % 12]
        return "\(day), \(two(parts.tm_mday)) \(month) \(Int(parts.tm_year) + 1900) "
            + "\(two(parts.tm_hour)):\(two(parts.tm_min)):\(two(parts.tm_sec)) GMT"
    }
}
