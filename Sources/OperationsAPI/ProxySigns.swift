internal import JobModel

/// Header fields that proxies add to what they pass on. A proxy on this machine speaks for others, and most say so; one that
/// says nothing must keep to itself what is for loopback only.
enum ProxySigns {
    private static let names: Set<String> = [
        "forwarded", "via", "x-real-ip", "x-client-ip", "x-cluster-client-ip", "x-original-forwarded-for",
        "true-client-ip", "cf-connecting-ip", "cf-connecting-ipv6", "fastly-client-ip", "fly-client-ip",
    ]
    private static let families = ["x-forwarded-", "x-envoy-"]

    /// Whether only a proxy adds a field of this name.
    static func has(_ name: String) -> Bool {
        let name = name.asciiLowercased
        return names.contains(name) || families.contains { name.hasPrefix($0) }
    }
}
