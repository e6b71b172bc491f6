/// What a fetch reads beside the state.
package struct JobParts: OptionSet, Equatable, Sendable {
    package let rawValue: Int
    package init(rawValue: Int) { self.rawValue = rawValue }

    package static let payload = JobParts(rawValue: 1)
    package static let value = JobParts(rawValue: 2)
}
