package import JobModel
internal import Logging
private import Synchronization

/// How much of the data's file system is free, as it was measured last, and whom that leaves outside (`server.minFreeSpace`).
///
/// Whoever accepts a call asks for two numbers and no file system. Where nothing is known everybody is let in: a full disk
/// refuses by itself.
package final class FreeSpace: Sendable {
    /// What the space that is left means for calls.
    enum Step: Equatable, Sendable {
        case unknown
        case plenty
        /// Below four times the minimum: calls without credentials are refused.
        case scarce
        /// Below the minimum: all calls are refused.
        case low

        /// - Parameters:
        ///   - free: bytes; nil when nobody knows.
        ///   - minimum: bytes; 0 for none.
        init(free: Int64?, minimum: Int) {
            let minimum = Int64(minimum)
            if minimum == 0 {
                self = .plenty
            } else if let free {
                self =
                    free < minimum
                    ? .low : free < minimum.multipliedReportingOverflow(by: 4).partialValue ? .scarce : .plenty
            } else {
                self = .unknown
            }
        }
    }

    /// A measurement that nobody has renewed says nothing: a network file system that hangs shuts nobody out.
    private static let freshMilliseconds: Int64 = 10_000

    /// -1 when it could not be measured.
    private let bytes = Atomic<Int64>(-1)
    /// Milliseconds of the monotonic clock.
    private let measuredAt = Atomic<Int64>(.min)
    private let told = Mutex(Step.plenty)
    private let deployment: CurrentDeployment
    private let clock: any EngineClock
    private let logger: Logger

    init(deployment: CurrentDeployment, clock: any EngineClock, logger: Logger) {
        self.deployment = deployment
        self.clock = clock
        self.logger = logger
    }

    /// Bytes that are free; nil when nobody knows.
    func bytes(at now: Moment) -> Int64? {
        let measured = measuredAt.load(ordering: .acquiring)
        let bytes = bytes.load(ordering: .relaxed)
        guard bytes >= 0, now.monotonic < measured.addingReportingOverflow(Self.freshMilliseconds).partialValue else {
            return nil
        }
        return bytes
    }

    /// A measurement, or that there was none. Logged where it crosses a step.
    package func measured(_ bytes: Int64?) {
        self.bytes.store(bytes ?? -1, ordering: .relaxed)
        measuredAt.store(clock.now().monotonic, ordering: .releasing)
        let minimum = deployment.value.minFreeSpace
        let step = Step(free: bytes, minimum: minimum)
        let hasChanged = told.withLock { told in
            defer { told = step }
            return told != step
        }
        guard hasChanged else { return }
        let metadata: Logger.Metadata = [
            "free": "\(bytes.map { WrittenSize($0).description } ?? "unknown")",
            "server.minFreeSpace": "\(WrittenSize(minimum))",
        ]
        switch step {
        case .low: logger.error("Too little disk space: nothing is accepted until there is more", metadata: metadata)
        case .scarce:
            logger.warning(
                "Little disk space: calls without credentials are refused until there is four times server.minFreeSpace",
                metadata: metadata)
        case .plenty: logger.info("There is enough disk space again", metadata: metadata)
        case .unknown:
            logger.warning("Cannot measure the disk's free space: server.minFreeSpace keeps none", metadata: metadata)
        }
    }

    /// Why a call is refused; nil when it is not.
    ///
    /// - Parameter owner: whose credentials came with it; nil for none, wherever it came from.
    func refusal(owner: String?, minimum: Int, at now: Moment) -> LowSpace? {
        guard minimum > 0, let free = bytes(at: now) else { return nil }
        switch Step(free: free, minimum: minimum) {
        case .unknown, .plenty: return nil
        case .scarce: return owner == nil ? LowSpace(free: free, minimum: minimum, refusesAll: false) : nil
        case .low: return LowSpace(free: free, minimum: minimum, refusesAll: true)
        }
    }
}

/// Too little disk space for a call.
package struct LowSpace: Equatable, Sendable {
    /// Bytes that are free.
    package var free: Int64
    /// `server.minFreeSpace`, in bytes.
    package var minimum: Int
    /// False where callers with credentials are served.
    package var refusesAll: Bool
}
