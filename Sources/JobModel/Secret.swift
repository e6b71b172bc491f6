package import FoundationEssentials

/// A text that must not be seen: whatever prints it, in a log, an error or a debugger, shows `***`.
package struct Secret: Equatable, Sendable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// To be called only where the secret itself is needed.
    package let revealed: String

    package init(_ text: String) {
        revealed = text
    }

    /// Begins a secret of Standard Webhooks 1.0.
    package static let signingMarker = "whsec_"

    /// Whether it is one of Standard Webhooks 1.0, by its beginning.
    package var isMarked: Bool { revealed.hasPrefix(Self.signingMarker) }

    /// The bytes whose Base64 stands behind `whsec_`; nil where there are none.
    package var markedKey: Data? {
        guard isMarked, let key = Data(base64Encoded: String(revealed.dropFirst(Self.signingMarker.utf8.count))),
            !key.isEmpty
        else { return nil }
        return key
    }

    package var description: String { "***" }
    package var debugDescription: String { "***" }
    package var customMirror: Mirror { Mirror(self, children: []) }
}
