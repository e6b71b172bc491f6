internal import NIOCore

/// One deadline of a connection at a time, on one lazy timer: moving a deadline later costs nothing. Used on the
/// connection's event loop only.
final class Deadline {
    enum Phase { case none, head, body, idle, flush, linger }

    /// The timer looks at least this often, so that deadlines which are further away never need an earlier one.
    private static let look = TimeAmount.seconds(10)

    private(set) var phase = Phase.none
    private var due = NIODeadline.distantFuture
    private var timer: Scheduled<Void>?
    private var timerDue = NIODeadline.distantFuture
    var onExpiry: (() -> Void)?

    func arm(_ phase: Phase, milliseconds: Int64, on eventLoop: any EventLoop) {
        let now = eventLoop.now
        self.phase = phase
        due = now + .milliseconds(milliseconds)
        if timer == nil || timerDue > due { schedule(on: eventLoop, from: now) }
    }

    func disarm() {
        phase = .none
        due = .distantFuture
    }

    /// For good: the connection is gone.
    func cancel() {
        disarm()
        timer?.cancel()
        timer = nil
        onExpiry = nil
    }

    private func schedule(on eventLoop: any EventLoop, from now: NIODeadline) {
        timer?.cancel()
        timerDue = min(due, now + Self.look)
        timer = eventLoop.assumeIsolated().scheduleTask(deadline: timerDue) { self.fire(on: eventLoop) }
    }

    private func fire(on eventLoop: any EventLoop) {
        timer = nil
        guard phase != .none else { return }
        let now = eventLoop.now
        if now >= due {
            onExpiry?()
        } else {
            schedule(on: eventLoop, from: now)
        }
    }
}
