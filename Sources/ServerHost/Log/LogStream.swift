internal import Glibc
internal import JobModel
private import Platform
private import Synchronization
internal import Timing

/// What a server writes on stderr. Whoever writes never waits: a thread hands the lines on, and while nobody reads them, lines
/// past a bound are lost, counted, and spoken of when others flow again.
///
/// A pipe holds 64 KiB (pipe(7)); a log that is written where it arises stops its server then.
package final class LogStream: Sendable {
    private struct State {
        var text: [UInt8] = []
        /// Lines that found no room since the thread last took the text.
        var missed: UInt64 = 0
        var isWriting = false
        /// The line that says how many were lost.
        var lossLine: @Sendable (UInt64) -> String = { "\(LogLoss.message), lines=\($0)\n" }
    }

    let reader: LogReader
    private let descriptor = STDERR_FILENO
    /// Bytes that wait for the reader; as many again are on their way to it.
    private let limit = Limits.logBufferBytes
    private let state = Mutex(State())
    private let lost = Atomic<UInt64>(0)
    private let arrived = Doorbell()
    private let written = Doorbell()

    /// Onto stderr.
    ///
    /// - Parameter reader: whoever reads it there.
    package init(reader: LogReader) {
        self.reader = reader
        NamedThread.start("sluice-log") { [self] in
            while true { handOn() }
        }
    }

    /// Lines that were lost since the start.
    var lostLines: UInt64 { lost.load(ordering: .relaxed) }

    /// How the loss is told, as one line.
    func tellLosses(as line: @escaping @Sendable (UInt64) -> String) { state.withLock { $0.lossLine = line } }

    /// One line or several, each with its end.
    package func write(_ text: String) {
        let mustRing = state.withLock { state in
            guard state.text.isEmpty || state.text.count + text.utf8.count <= limit else {
                let lines = UInt64(Self.lines(in: Array(text.utf8)[...]))
                state.missed += lines
                lost.wrappingAdd(lines, ordering: .relaxed)
                return false
            }
            defer { state.text.append(contentsOf: text.utf8) }
            return state.text.isEmpty
        }
        if mustRing { arrived.ring() }
    }

    /// Returns when everything is written, or after this time.
    package func flush(within limit: Duration = .seconds(1)) {
        let end = Uptime.nanoseconds() + limit.nanoseconds
        while state.withLock({ !$0.text.isEmpty || $0.isWriting }) {
            guard Uptime.nanoseconds() < end else { return }
            written.wait(until: end)
        }
    }

    private func handOn() {
        let (text, missed, lossLine) = state.withLock { state in
            defer { (state.text, state.missed, state.isWriting) = ([], 0, !state.text.isEmpty) }
            return (state.text, state.missed, state.lossLine)
        }
        guard !text.isEmpty else {
            written.ring()
            return arrived.wait()
        }
        put(text)
        // They came after what has been written, and before what comes next.
        if missed > 0 { put(Array(lossLine(missed).utf8)) }
    }

    private func put(_ bytes: [UInt8]) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count > 0 {
                rest = rest.dropFirst(count)
            } else if errno == EAGAIN {
                // Somebody who shares the pipe or the terminal has made it non-blocking.
                var waiting = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                poll(&waiting, 1, -1)
            } else if errno != EINTR {
                // A full disk, a pipe without a reader: nothing that is said may end the process.
                lost.wrappingAdd(UInt64(Self.lines(in: rest)), ordering: .relaxed)
                return
            }
        }
    }

    private static func lines(in bytes: ArraySlice<UInt8>) -> Int { bytes.count { $0 == 0x0A } }
}
