import Foundation
import Glibc
import TestClient

/// A wall clock that a test sets: a library that is loaded before others adds a number of seconds to CLOCK_REALTIME, for every
/// process that is started with its environment. The clocks that nobody can set stay as they are.
///
/// Waits that end at a time of CLOCK_REALTIME (sem_timedwait, pthread_cond_timedwait) behave as the kernel's would: a clock that
/// is set back makes them longer. `ClockTests` has the control.
struct ShiftedClock {
    struct Unavailable: Error {}

    let environment: [String: String]
    private let file: String

    /// - Parameter folder: where the library and the number lie.
    init(in folder: TemporaryFolder) throws {
        try folder.write(Self.source, to: "clock.c")
        let library = folder.file("clock.so")
        try Self.compile([folder.file("clock.c"), "-shared", "-fPIC", "-ldl", "-o", library])
        file = folder.file("clock.seconds")
        environment = ["LD_PRELOAD": library, "CLOCK_SHIFT_FILE": file]
        try Data(count: 8).write(to: URL(fileURLWithPath: file))
    }

    static func compile(_ arguments: [String]) throws {
        let compiler = Process()
        compiler.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        compiler.arguments = ["clang", "-O1"] + arguments
        try compiler.run()
        compiler.waitUntilExit()
        guard compiler.terminationStatus == 0 else { throw Unavailable() }
    }

    /// The wall clock says so many seconds more than the true one, from now on.
    func set(_ seconds: Int64) throws {
        let handle = try FileHandle(forWritingTo: URL(fileURLWithPath: file))
        // In place: processes have it mapped.
        try withUnsafeBytes(of: seconds) { try handle.write(contentsOf: Data($0)) }
        try handle.close()
    }

    private static let source = """
        #define _GNU_SOURCE
        #include <errno.h>
        #include <fcntl.h>
        #include <pthread.h>
        #include <semaphore.h>
        #include <stdint.h>
        #include <stdlib.h>
        #include <sys/mman.h>
        #include <sys/syscall.h>
        #include <sys/time.h>
        #include <time.h>
        #include <unistd.h>

        static volatile int64_t *shift;

        __attribute__((constructor)) static void open_shift(void) {
            const char *path = getenv("CLOCK_SHIFT_FILE");
            int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
            if (file < 0) return;
            void *map = mmap(NULL, sizeof *shift, PROT_READ, MAP_SHARED, file, 0);
            if (map != MAP_FAILED) shift = map;
            close(file);
        }

        int clock_gettime(clockid_t clock, struct timespec *now) {
            long result = syscall(SYS_clock_gettime, clock, now);
            if (result == 0 && shift && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) now->tv_sec += *shift;
            return (int)result;
        }

        int gettimeofday(struct timeval *restrict now, void *restrict zone) {
            struct timespec time;
            clock_gettime(CLOCK_REALTIME, &time);
            now->tv_sec = time.tv_sec;
            now->tv_usec = time.tv_nsec / 1000;
            return 0;
        }

        time_t time(time_t *out) {
            struct timespec now;
            clock_gettime(CLOCK_REALTIME, &now);
            if (out) *out = now.tv_sec;
            return now.tv_sec;
        }

        /* The next look at the wall clock, on the monotonic one; 0 when the time has come. */
        static int next_look(const struct timespec *limit, struct timespec *look) {
            struct timespec now;
            clock_gettime(CLOCK_REALTIME, &now);
            int64_t left = (limit->tv_sec - now.tv_sec) * 1000000000LL + limit->tv_nsec - now.tv_nsec;
            if (left <= 0) return 0;
            if (left > 20000000) left = 20000000;
            clock_gettime(CLOCK_MONOTONIC, look);
            look->tv_nsec += left;
            if (look->tv_nsec >= 1000000000) look->tv_sec++, look->tv_nsec -= 1000000000;
            return 1;
        }

        int sem_timedwait(sem_t *restrict semaphore, const struct timespec *restrict limit) {
            struct timespec look;
            while (next_look(limit, &look)) {
                int result = sem_clockwait(semaphore, CLOCK_MONOTONIC, &look);
                if (result == 0 || errno != ETIMEDOUT) return result;
            }
            if (sem_trywait(semaphore) == 0) return 0;
            errno = ETIMEDOUT;
            return -1;
        }

        int pthread_cond_timedwait(
            pthread_cond_t *restrict condition, pthread_mutex_t *restrict mutex, const struct timespec *restrict limit) {
            /* Where glibc keeps that a condition goes by CLOCK_MONOTONIC (nptl/pthread_cond_wait.c). */
            if (condition->__data.__wrefs & 2) return pthread_cond_clockwait(condition, mutex, CLOCK_MONOTONIC, limit);
            struct timespec look;
            while (next_look(limit, &look)) {
                int result = pthread_cond_clockwait(condition, mutex, CLOCK_MONOTONIC, &look);
                if (result != ETIMEDOUT) return result;
            }
            return ETIMEDOUT;
        }
        """
}
