internal import FoundationEssentials

/// Which machine this is, so that numbers of files are compared only where they mean the same.
package enum Machine {
    /// Made by the kernel at each boot (random(4)); containers of one machine share it.
    package static let id: String? = FileManager.default.contents(atPath: "/proc/sys/kernel/random/boot_id")
        .map { String(decoding: $0, as: UTF8.self).trimmed }
}
