private import Glibc

/// The locks that SQLite holds on a database file while it uses it.
enum SQLiteLock {
    /// A process that holds one; nil when there is none, or when it is of this process.
    ///
    /// The pid is 0 for a process that cannot be seen from here (another container).
    static func owner(_ descriptor: Int32) -> Int32? {
        var lock = flock()
        lock.l_type = Int16(F_WRLCK)
        lock.l_whence = Int16(SEEK_SET)
        guard fcntl(descriptor, F_GETLK, &lock) == 0, lock.l_type != Int16(F_UNLCK) else { return nil }
        return lock.l_pid
    }
}
