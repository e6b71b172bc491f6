internal import Handlers
internal import JobModel
internal import Outbound
internal import Timing

/// Makes of a function's declaration what an attempt runs.
struct HandlerFactory: Sendable {
    let clock: SystemClock
    let random: RandomSource
    /// For URLs that stand in the manifest: the operator's, which may go anywhere.
    let outbound: Outbound
    /// For URLs that callers gave.
    let guarded: GuardedOutbound

    func handler(of function: Function, _ deployment: Deployment) -> any Handler {
        switch function.handler {
        case .builtin(let builtin): BuiltinHandler(builtin, clock: clock, random: { [random] in random.fraction() })
        case .http(let target):
            HTTPHandler(
                target, outbound: target.isOfCaller ? guarded.outbound : outbound, clock: clock,
                version: Version.number,
                headerPrefix: deployment.webhooks.headerPrefix)
        }
    }
}
