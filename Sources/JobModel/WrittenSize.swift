/// A number of bytes for people, as a manifest writes sizes: `256MiB`, `812MiB`, `64KiB`, `10B`. What is no whole number of a unit
/// is rounded down, to two digits at least.
package struct WrittenSize: CustomStringConvertible, Sendable {
    private let bytes: Int64

    package init(_ bytes: some BinaryInteger) { self.bytes = Int64(clamping: bytes) }

    package var description: String {
        for (unit, name) in [(Int64(1) << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")]
        where bytes >= unit && (bytes % unit == 0 || bytes / unit >= 10) {
            return "\(bytes / unit)\(name)"
        }
        return "\(bytes)B"
    }
}
