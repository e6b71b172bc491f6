internal import PayloadSchema

/// Where a job's status sends the client on (`endpoint.redirect`, `passRedirect`).
package enum Redirect {
    /// What the template makes of a job; nil where a value is missing, or what comes of it leads nowhere.
    ///
    /// - Parameters:
    ///   - payload, parameters, result: JSON text, parsed only where the template wants something of it.
    package static func url(
        _ template: Template, payload: [UInt8]?, parameters: [UInt8]?, result: [UInt8]? = nil
    ) -> String? {
        func value(_ root: ValuePath.Root, _ bytes: [UInt8]?) -> JSONValue {
            guard template.uses(root) else { return .null }
            return bytes.flatMap { try? JSONParser.parse($0) } ?? .null
        }
        return url(
            template,
            TemplateValues(
                payload: value(.payload, payload), parameters: value(.parameters, parameters),
                result: value(.result, result)))
    }

    package static func url(_ template: Template, _ values: TemplateValues) -> String? {
        template.url(values).flatMap { isLocation($0) ? $0 : nil }
    }

    /// Whether it may stand in a `Location`: http(s) or an absolute path, without control characters (CONTRACT 4).
    package static func isLocation(_ url: String) -> Bool {
        // "//host" and "/\host" lead to another server.
        let isPath = url.hasPrefix("/") && !url.hasPrefix("//") && !url.hasPrefix("/\\")
        guard isPath || HTTPScheme(of: url) != nil else { return false }
        return url.utf8.allSatisfy(ASCII.isVisible)
    }
}
