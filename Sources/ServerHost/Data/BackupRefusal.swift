/// Why a backup is not written.
package struct BackupRefusal: Error {
    package enum Cause: Sendable {
        /// What lies there is to stay.
        case place
        /// The system does not write it.
        case disk
    }

    package let text: String
    package let cause: Cause

    init(_ text: String, _ cause: Cause) {
        self.text = text
        self.cause = cause
    }
}
