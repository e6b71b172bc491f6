import Foundation
import Platform
import Testing

@Suite struct NamedThreadTests {
    @Test func `A thread has its name`() async throws {
        let name = try await withCheckedThrowingContinuation { continuation in
            NamedThread.start("fifteen bytes..") {
                continuation.resume(
                    with: Result { try String(contentsOfFile: "/proc/thread-self/comm", encoding: .utf8) })
            }
        }
        #expect(name == "fifteen bytes..\n")
    }

    /// Calls itself until that many bytes of the stack are used; a stack that is too small ends the process.
    @inline(never) private static func descend(from start: UInt, bytes: UInt) -> Int {
        var here = 0
        return withUnsafeMutablePointer(to: &here) { pointer in
            guard start - UInt(bitPattern: pointer) < bytes else { return 1 }
            pointer.pointee = descend(from: start, bytes: bytes)
            return pointer.pointee + 1
        }
    }

    @Test func `A thread has the stack that it asked for`() async {
        let depth = await withCheckedContinuation { continuation in
            // Twice what a thread has by default.
            NamedThread.start("deep", stackBytes: 16 << 20) {
                var here = 0
                let start = withUnsafeMutablePointer(to: &here) { UInt(bitPattern: $0) }
                continuation.resume(returning: Self.descend(from: start, bytes: 12 << 20))
            }
        }
        #expect(depth > 1000)
    }

    @Test func `What a thread's work holds is given back when it has ended`() async throws {
        final class Held: Sendable {
            let ended: CheckedContinuation<Void, Never>
            init(_ ended: CheckedContinuation<Void, Never>) { self.ended = ended }
            deinit { ended.resume() }
        }
        await withCheckedContinuation { continuation in
            let held = Held(continuation)
            NamedThread.start("holder") { withExtendedLifetime(held) {} }
        }
    }
}
