internal import JobEngine
internal import PayloadSchema

/// Why a job waits, for machines (`kind`) and people (`detail`).
enum ExplanationText {
    static func of(_ reason: WaitReason, function: String) -> JSONValue {
        let (kind, detail) = words(reason, function)
        return ["kind": .string(kind), "detail": .string(detail)]
    }

    private static let crashed = "crashes of the server have cut off two of its attempts"

    private static func words(_ reason: WaitReason, _ function: String) -> (String, String) {
        switch reason {
        case .notDue(let until, 0): ("delayed", "scheduled for \(until)")
        case .notDue(let until, let attempt): ("backoff", "attempt \(attempt) failed; the next starts at \(until)")
        case .functionMissing: ("function-missing", "no function \(function) is declared; it waits until one is")
        case .pausedByManifest: ("paused", "the manifest pauses \(function)")
        case .pausedByOperator: ("paused", "\(function) is paused; \"sluice resume \(function)\" ends that")
        case .shuttingDown: ("shutting-down", "the server shuts down; it starts after the restart")
        case .slotsTaken(let max): ("slots-taken", "all \(max) slots are taken (server.concurrency)")
        case .concurrency: ("concurrency", "as many attempts with its key run as \(function).concurrency allows")
        case .accountConcurrency(let max):
            ("account-concurrency", "the account runs all \(max) attempts that accounts.concurrency allows it")
        case .callerConcurrency(let max):
            ("caller-concurrency", "its address runs all \(max) attempts that anonymous.concurrency allows it")
        case .functionBusy(let max):
            ("function-busy", "\(function) runs \(max) attempts, as many as one function may have beside others")
        case .throttle(let until): ("throttle", "\(function).throttle lets the next one start at \(until)")
        case .targetSilent(let target, let until?):
            ("target-silent", "\(target) has not answered several attempts in a row; it is tried again at \(until)")
        case .targetSilent(let target, nil):
            ("target-silent", "\(target) has not answered several attempts in a row; one attempt tries it now")
        case .targetBusy(let target, let max):
            ("target-busy", "\(max) attempts at \(target) run, as many as one target may have beside others")
        case .suspect(let until?):
            ("suspect", "\(crashed); it waits until nothing else runs, at most until \(until)")
        case .suspect(nil): ("suspect", "\(crashed); it waits until nothing else runs, for five minutes at most")
        case .held(let until):
            ("held", "starts are held back until \(until) at most: a job runs alone that may have crashed the server")
        case .behind(1): ("queued", "1 job comes before it")
        case .behind(let count): ("queued", "\(count)\(count >= 1000 ? " or more" : "") jobs come before it")
        }
    }
}
