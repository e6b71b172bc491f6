import Foundation
import Glibc
import Synchronization

/// A run of the built binary.
package final class Program: Sendable {
    private struct State {
        var error = ""
        var output = ""
        var status: Int32?
        var openPipes = 2
        var readsError = true
    }

    package let pid: Int32
    private let state: NSConditionBox<State>

    /// Binaries lie beside the test runner; SLUICE_BINARY names another sluice.
    package static func path(of binary: String) -> String {
        if binary.hasPrefix("/") { return binary }
        if binary == "sluice", let path = ProcessInfo.processInfo.environment["SLUICE_BINARY"] { return path }
        let runner = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
        return URL(fileURLWithPath: runner).deletingLastPathComponent().appendingPathComponent(binary).path
    }

    package init(
        _ arguments: [String], folder: TemporaryFolder, environment: [String: String] = [:], binary: String = "sluice"
    ) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: Self.path(of: binary))
        process.arguments = arguments
        process.currentDirectoryURL = URL(fileURLWithPath: folder.path)
        process.environment = ["PATH": "/usr/bin:/bin", "HOME": folder.path].merging(environment) { $1 }
        let error = Pipe()
        let output = Pipe()
        process.standardError = error
        process.standardOutput = output
        process.standardInput = FileHandle.nullDevice
        let state = NSConditionBox(State())
        self.state = state
        // Threads that read, not readability handlers: those race with the closing of the descriptor.
        let pipes: [(Pipe, any WritableKeyPath<State, String> & Sendable)] = [(error, \.error), (output, \.output)]
        for (pipe, keyPath) in pipes {
            let descriptor = dup(pipe.fileHandleForReading.fileDescriptor)
            Thread.detachNewThread { Self.collect(descriptor, into: keyPath, of: state) }
        }
        process.terminationHandler = { process in
            let status = process.terminationStatus
            let code = process.terminationReason == .uncaughtSignal ? 128 + status : status
            state.change { $0.status = code }
        }
        try process.run()
        pid = process.processIdentifier
    }

    private static func collect(
        _ descriptor: Int32, into keyPath: any WritableKeyPath<State, String> & Sendable,
        of state: NSConditionBox<State>
    ) {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            if keyPath == \State.error {
                while !(state.wait(seconds: 60) { $0.readsError || $0.status != nil ? true : nil } ?? false) {}
            }
            let count = Glibc.read(descriptor, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { break }
            let text = String(decoding: buffer[..<count], as: UTF8.self)
            state.change { $0[keyPath: keyPath] += text }
        }
        close(descriptor)
        state.change { $0.openPipes -= 1 }
    }

    /// False: its standard error stays in the pipe, but for what is being read.
    package var readsError: Bool {
        get { state.read { $0.readsError } }
        set { state.change { $0.readsError = newValue } }
    }

    package var standardError: String { state.read { $0.error } }

    package var standardOutput: String { state.read { $0.output } }

    /// Standard output to its end; the pipes lag behind the exit.
    package func finalOutput() -> String {
        _ = state.wait(seconds: 5) { $0.openPipes == 0 ? true : nil }
        return standardOutput
    }

    package func waitForOutput(lines: Int, seconds: Double) -> Bool {
        let found: Bool? = state.wait(seconds: seconds) { state in
            if state.output.utf8.lazy.filter({ $0 == 0x0A }).count >= lines { return true }
            return state.status == nil ? nil : false
        }
        return found ?? false
    }

    package func kill(_ signal: Int32) {
        guard state.read({ $0.status }) == nil else { return }
        _ = Glibc.kill(pid, signal)
    }

    package func waitForExit(seconds: Double) -> Int32? {
        state.wait(seconds: seconds) { $0.status }
    }

    /// The first line on stderr with this text.
    package func waitForError(containing text: String, seconds: Double) -> String? {
        let found: String?? = state.wait(seconds: seconds) { state in
            if let line = state.error.split(separator: "\n").first(where: { $0.contains(text) }),
                state.error.contains("\n")
            {
                return .some(String(line))
            }
            return state.status == nil ? nil : .some(nil)
        }
        return found ?? nil
    }

    /// Runs to the end.
    package static func run(
        _ arguments: [String], folder: TemporaryFolder, environment: [String: String] = [:], seconds: Double = 30
    ) async throws -> (status: Int32, output: String, error: String) {
        let program = try Program(arguments, folder: folder, environment: environment)
        return try await offPool {
            guard let status = program.waitForExit(seconds: seconds) else {
                program.kill(SIGKILL)
                throw ServerProcess.Failure(description: "sluice \(arguments) did not end")
            }
            return (status, program.finalOutput(), program.standardError)
        }
    }
}

/// A value that threads wait for changes of.
final class NSConditionBox<Value>: @unchecked Sendable {
    // Every access holds the condition's lock.
    private let condition = NSCondition()
    private var value: Value

    init(_ value: Value) { self.value = value }

    func change(_ body: (inout Value) -> Void) {
        condition.lock()
        body(&value)
        condition.broadcast()
        condition.unlock()
    }

    func read<Result>(_ body: (Value) -> Result) -> Result {
        condition.lock()
        defer { condition.unlock() }
        return body(value)
    }

    func wait<Result>(seconds: Double, until body: (Value) -> Result?) -> Result? {
        let limit = Date().addingTimeInterval(seconds)
        condition.lock()
        defer { condition.unlock() }
        while true {
            if let result = body(value) { return result }
            if !condition.wait(until: limit) { return body(value) }
        }
    }
}
