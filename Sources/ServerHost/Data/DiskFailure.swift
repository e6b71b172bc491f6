internal import Glibc

/// Failures of the system that go away without a change of the settings: a start that meets one exits with 75.
enum DiskFailure {
    static func isTemporary(_ code: Int32) -> Bool {
        [ENOSPC, EDQUOT, EFBIG, EIO, EROFS, EMFILE, ENFILE, ENOMEM, ENOLCK, ESTALE, ETIMEDOUT].contains(code)
    }
}
