private import CSQLite
internal import JobStore

extension Connection {
    /// Runs `body`, and calls `goesOn` every so many steps of SQLite's virtual machine; when that says false, what runs
    /// ends as interrupted.
    func watched<Value>(
        everySteps steps: Int32, _ goesOn: () -> Bool, _ body: () throws(StoreError) -> Value
    ) throws(StoreError) -> Value {
        let outcome = withoutActuallyEscaping(goesOn) { goesOn -> Result<Value, StoreError> in
            let watch = ProgressWatch(goesOn)
            defer { watch.end() }
            sqlite3_progress_handler(
                handle, steps,
                { context in
                    guard let context else { return 0 }
                    return Unmanaged<ProgressWatch>.fromOpaque(context).takeUnretainedValue().goesOn() ? 0 : 1
                }, Unmanaged.passUnretained(watch).toOpaque())
            defer { sqlite3_progress_handler(handle, 0, nil, nil) }
            return withExtendedLifetime(watch) {
                do throws(StoreError) { return .success(try body()) } catch { return .failure(error) }
            }
        }
        return try outcome.get()
    }
}

/// Carries a closure through C, for the time of one call.
private final class ProgressWatch {
    private(set) var goesOn: () -> Bool

    init(_ goesOn: @escaping () -> Bool) { self.goesOn = goesOn }

    func end() { goesOn = { true } }
}

/// When a read has to answer with what it has.
struct ReadClock {
    private let uptime: @Sendable () -> Int64
    private let end: Int64

    /// - Parameter uptime: nanoseconds of a monotonic clock.
    init(_ bounds: ReadBounds, uptime: @escaping @Sendable () -> Int64) {
        self.uptime = uptime
        let (nanoseconds, isTooMuch) = bounds.milliseconds.multipliedReportingOverflow(by: 1_000_000)
        let (end, isTooLate) = uptime().addingReportingOverflow(nanoseconds)
        self.end = isTooMuch || isTooLate ? .max : end
    }

    var isUp: Bool { uptime() >= end }
}
