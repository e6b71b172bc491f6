package import JobModel
private import Synchronization

/// A value that comes once. Whoever is first sets it; one task waits for it.
package final class OneShot<Value: Sendable>: Sendable {
    private enum State {
        case empty
        /// Whoever takes it out of here resumes it: once. A checked one would cost an object for each wait.
        case waiting(UnsafeContinuation<Value?, Never>)
        case set(Value)
        case abandoned
    }

    private let state = Mutex(State.empty)

    package init() {}

    /// True for the first caller, whose value counts.
    @discardableResult package func set(_ value: Value) -> Bool {
        let (isFirst, waiting): (Bool, UnsafeContinuation<Value?, Never>?) = state.withLock { state in
            switch state {
            case .empty:
                state = .set(value)
                return (true, nil)
            case .waiting(let continuation):
                state = .set(value)
                return (true, continuation)
            case .set, .abandoned:
                return (false, nil)
            }
        }
        waiting?.resume(returning: value)
        return isFirst
    }

    package var current: Value? {
        state.withLock { state in
            if case .set(let value) = state { value } else { nil }
        }
    }

    /// The value, or nil when the waiting task is cancelled first.
    package func value() async -> Value? {
        await withTaskCancellationHandler {
            await withUnsafeContinuation { continuation in
                let ready: Value?? = state.withLock { state in
                    switch state {
                    case .empty:
                        state = .waiting(continuation)
                        return nil
                    case .set(let value): return .some(value)
                    case .waiting, .abandoned: return .some(nil)
                    }
                }
                if let ready { continuation.resume(returning: ready) }
            }
        } onCancel: {
            abandon()
        }
    }

    /// Nobody waits any more: a value that comes later is nobody's.
    private func abandon() {
        let waiting: UnsafeContinuation<Value?, Never>? = state.withLock { state in
            switch state {
            case .waiting(let continuation):
                state = .abandoned
                return continuation
            case .empty:
                state = .abandoned
                return nil
            case .set, .abandoned: return nil
            }
        }
        waiting?.resume(returning: nil)
    }

    /// The value, or nil when it has not come by then.
    package func value(untilMonotonic limit: Int64, clock: any EngineClock) async -> Value? {
        let alarm = clock.alarm(atMonotonic: limit) { self.abandon() }
        defer { clock.dismiss(alarm) }
        return await value()
    }
}
