internal import JobModel

/// What values of the manifest may be, where several keys share the bounds.
enum ManifestRange {
    static let counts = 1...1_000_000_000
    static let anyDuration = Duration.zero...Limits.manifestDuration
    static let positiveDuration = Duration.milliseconds(1)...Limits.manifestDuration
}
