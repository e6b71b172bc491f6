/// Why a database cannot be taken.
package enum DatabaseLockProblem: Error, Equatable, Sendable {
    /// Another process has it; its pid when it could be found out.
    case held(by: Int32?)
    /// The system does not let us: errno.
    case failed(path: String, code: Int32)
    /// What lies there would lose jobs when it is opened; says what to do.
    case unsafe(String)
}
