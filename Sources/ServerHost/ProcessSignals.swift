internal import Glibc

/// Signals that would end the process, and must not.
enum ProcessSignals {
    static func ignore() {
        signal(SIGPIPE, SIG_IGN)
        // A file that may not grow is a full disk, told by EFBIG; not the end of the process (setrlimit(2)).
        signal(SIGXFSZ, SIG_IGN)
        // Until ReloadSignal listens, there is nothing to reload.
        signal(SIGHUP, SIG_IGN)
    }
}
