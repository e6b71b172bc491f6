/// What is said when lines were lost.
enum LogLoss {
    static let message = "Log lines were lost: nobody read them in time"
}
