import Glibc

/// What the disk does alone: a page written and synced, again and again.
enum DiskSync {
    /// In microseconds, of 500 syncs.
    static func p99(beside binary: String) throws -> Double {
        let path = Server.newFolder(beside: binary) + ".sync"
        let descriptor = open(path, O_RDWR | O_CREAT | O_EXCL, 0o600)
        guard descriptor >= 0 else { throw Server.Failure(description: "cannot write \(path)") }
        defer {
            close(descriptor)
            unlink(path)
        }
        let page = [UInt8](repeating: 1, count: 4096)
        // As a log that is overwritten: its blocks are there.
        for index in 0..<64 { pwrite(descriptor, page, page.count, off_t(index * page.count)) }
        fsync(descriptor)
        var times: [Double] = []
        for index in 0..<500 {
            let start = Clock.nanoseconds()
            pwrite(descriptor, page, page.count, off_t(index % 64 * page.count))
            fdatasync(descriptor)
            times.append(Double(Clock.nanoseconds() - start) / 1000)
        }
        times.sort()
        return times[times.count * 99 / 100]
    }
}
