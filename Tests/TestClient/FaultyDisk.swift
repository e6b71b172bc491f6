internal import Foundation

/// A library that is loaded before the C library into a server under test and fails what it does with files, as a test
/// wants it at that moment.
package final class FaultyDisk: Sendable {
    /// A call of the C library that is made to fail.
    package enum Call: String, Sendable {
        /// pwrite(2)
        case write
        /// fdatasync(2), fsync(2)
        case sync
    }

    package struct Fault: Sendable {
        var call: Call
        /// How the file's name ends.
        var file: String
        /// errno
        var code: Int32

        package init(_ call: Call, of file: String, _ code: Int32) {
            self.call = call
            self.file = file
            self.code = code
        }
    }

    private let folder: TemporaryFolder

    package init() throws {
        folder = try TemporaryFolder()
        try folder.write(Self.source, to: "faults.c")
        let compiler = Process()
        compiler.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        compiler.arguments = ["clang", "-shared", "-fPIC", "-o", library, folder.file("faults.c"), "-ldl"]
        try compiler.run()
        compiler.waitUntilExit()
        guard compiler.terminationStatus == 0 else {
            throw ServerProcess.Failure(description: "the compiler ended with \(compiler.terminationStatus)")
        }
    }

    /// For the process whose disk it is to be.
    package var environment: [String: String] { ["LD_PRELOAD": library, "FAULTS": folder.file("faults")] }

    /// From now on these, and no others.
    package func set(_ faults: Fault...) throws {
        let text = faults.map { "\($0.call.rawValue) \($0.file) \($0.code)\n" }.joined()
        try folder.write(text, to: "next")
        // Renamed, so that the server never reads half a list.
        guard rename(folder.file("next"), folder.file("faults")) == 0 else {
            throw ServerProcess.Failure(description: "cannot rename the list of faults")
        }
    }

    private var library: String { folder.file("faults.so") }

    private static let source = """
        #define _GNU_SOURCE
        #include <dlfcn.h>
        #include <errno.h>
        #include <stdio.h>
        #include <stdlib.h>
        #include <string.h>
        #include <unistd.h>

        static int fault(const char *call, int descriptor) {
            const char *list = getenv("FAULTS");
            FILE *faults = list ? fopen(list, "re") : NULL;
            if (!faults) return 0;
            char link[64], path[4096], name[32], file[256];
            int code, found = 0;
            snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
            ssize_t length = readlink(link, path, sizeof path - 1);
            path[length < 0 ? 0 : length] = 0;
            while (!found && fscanf(faults, "%31s %255s %d", name, file, &code) == 3) {
                size_t whole = strlen(path), end = strlen(file);
                if (!strcmp(name, call) && end <= whole && !strcmp(path + whole - end, file)) found = code;
            }
            fclose(faults);
            return found;
        }

        #define FAIL(call) { int code = fault(call, descriptor); if (code) { errno = code; return -1; } }

        ssize_t pwrite64(int descriptor, const void *bytes, size_t count, off64_t offset) {
            FAIL("write")
            ssize_t (*next)(int, const void *, size_t, off64_t) = dlsym(RTLD_NEXT, "pwrite64");
            return next(descriptor, bytes, count, offset);
        }

        int fdatasync(int descriptor) {
            FAIL("sync")
            int (*next)(int) = dlsym(RTLD_NEXT, "fdatasync");
            return next(descriptor);
        }

        int fsync(int descriptor) {
            FAIL("sync")
            int (*next)(int) = dlsym(RTLD_NEXT, "fsync");
            return next(descriptor);
        }
        """
}
