private import Glibc
private import Synchronization

/// The kernel's random numbers, drawn in blocks: one call for each would cost more than the id that needs it.
package final class RandomSource: Sendable {
    private static let blockSize = 512
    private let block = Mutex<[UInt64]>([])

    package init() {}

    package func next() -> UInt64 {
        block.withLock { block in
            if block.isEmpty { block = Self.draw() }
            return block.removeLast()
        }
    }

    /// From 0 up to 1.
    package func fraction() -> Double { Double(next() >> 11) * 0x1p-53 }

    private static func draw() -> [UInt64] {
        var words = [UInt64](repeating: 0, count: blockSize)
        let filled = words.withUnsafeMutableBytes { buffer in
            // 256 bytes at a time is what getentropy(3) gives at most.
            stride(from: 0, to: buffer.count, by: 256).allSatisfy { start in
                buffer.baseAddress.map { getentropy($0 + start, 256) } == 0
            }
        }
        if filled { return words }
        var generator = SystemRandomNumberGenerator()
        return words.map { _ in generator.next() }
    }
}

/// `RandomSource` where the standard library wants a generator.
package struct SourceGenerator: RandomNumberGenerator {
    private let source: RandomSource

    package init(source: RandomSource) { self.source = source }

    package mutating func next() -> UInt64 { source.next() }
}
