internal import FoundationEssentials

/// The process's environment, and behind it the values of `.env`.
struct Environment: Sendable {
    private let dotEnv: [String: String]

    init(dotEnv: [String: String]) {
        self.dotEnv = dotEnv
    }

    subscript(name: String) -> String? { ProcessInfo.processInfo.environment[name] ?? dotEnv[name] }
}
