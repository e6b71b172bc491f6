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
        template.url(values).flatMap { RedirectURL.isValid($0) ? $0 : nil }
    }
}
