internal import ArgumentParser
internal import ServerHost

/// The exit codes of CONTRACT 9.
enum ExitStatus {
    /// The job or the operation failed.
    static let failure = ExitCode(1)
    static let usage = ExitCode(64)
    static let badData = ExitCode(65)
    /// No server answers.
    static let unreachable = ExitCode(69)
    static let notAllowed = ExitCode(77)
    /// The database is in use, or a wait was over.
    static let temporary = ExitCode(75)
    /// Manifest or settings are wrong.
    static let configuration = ExitCode(78)

    static func of(_ cause: StartRefusal.Cause) -> ExitCode {
        switch cause {
        case .temporary: temporary
        case .configuration: configuration
        case .failure: failure
        }
    }
}
