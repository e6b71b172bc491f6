internal import CCurl
internal import JobModel

/// A request's header fields as libcurl reads them: a list of lines, in one block of memory. `curl_slist_append` would take
/// two for each line.
final class HeaderList {
    private let memory: UnsafeMutableRawPointer

    /// Valid as long as this object.
    let first: UnsafeMutablePointer<curl_slist>

    init(of request: OutboundRequest) {
        let (text, starts) = Self.lines(of: request)
        let nodes = starts.count * MemoryLayout<curl_slist>.stride
        memory = .allocate(byteCount: nodes + text.count, alignment: MemoryLayout<curl_slist>.alignment)
        first = memory.bindMemory(to: curl_slist.self, capacity: starts.count)
        let characters = (memory + nodes).bindMemory(to: CChar.self, capacity: text.count)
        UnsafeMutableRawBufferPointer(start: characters, count: text.count).copyBytes(from: text)
        for (index, start) in starts.enumerated() {
            let next = index + 1 < starts.count ? first + index + 1 : nil
            (first + index).initialize(to: curl_slist(data: characters + start, next: next))
        }
    }

    deinit { memory.deallocate() }

    /// Lines that end with a NUL, and where each begins.
    private static func lines(of request: OutboundRequest) -> (text: [UInt8], starts: [Int]) {
        var text: [UInt8] = []
        text.reserveCapacity(64 + request.headers.reduce(0) { $0 + $1.name.utf8.count + $1.value.utf8.count + 3 })
        var starts: [Int] = []
        starts.reserveCapacity(request.headers.count + 3)
        func add(_ name: String, _ separator: StaticString, _ value: String = "") {
            starts.append(text.count)
            text += name.utf8
            separator.withUTF8Buffer { text += $0 }
            text += value.utf8
            text.append(0)
        }
        // libcurl waits for a 100 and names a form's type by itself: both are taken away.
        add("Expect", ":")
        let namesType = request.headers.contains { $0.name.isSameIgnoringASCIICase(as: "content-type") }
        if !namesType { add("Content-Type", ":") }
        let namesCodings = request.headers.contains { $0.name.isSameIgnoringASCIICase(as: "accept-encoding") }
        // Most servers send what a body is then, and not a coding of it; what is coded all the same is decoded.
        if !namesCodings { add("Accept-Encoding", ": ", "identity") }
        for (name, value) in request.headers {
            // With a colon and nothing behind it, or blanks, libcurl would leave the field out.
            if value.utf8.allSatisfy({ $0 == 0x20 || $0 == 0x09 }) { add(name, ";") } else { add(name, ": ", value) }
        }
        return (text, starts)
    }
}
