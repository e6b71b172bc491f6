internal import PayloadSchema

/// The kinds of values that a manifest has, each as a JSON Schema with its description, default and example.
extension EditorSchema {
    static func object(
        _ description: String, required: [String] = [], _ properties: [(String, JSONValue)]
    ) -> JSONValue {
        var object = JSONObject()
        object["type"] = "object"
        if !description.isEmpty { object["description"] = .string(description) }
        var members = JSONObject()
        for (name, value) in properties { members[name] = value }
        object["properties"] = .object(members)
        if !required.isEmpty { object["required"] = .array(required.map { .string($0) }) }
        object["additionalProperties"] = false
        return .object(object)
    }

    static func value(
        _ schema: JSONValue, _ description: String?, _ usual: JSONValue?, _ example: JSONValue?
    ) -> JSONValue {
        guard case .object(var object) = schema else { return schema }
        if let description, !description.isEmpty { object["description"] = .string(description) }
        if let usual { object["default"] = usual }
        if let example { object["examples"] = [example] }
        return .object(object)
    }

    static func text(_ description: String? = nil, _ usual: String? = nil, example: String? = nil) -> JSONValue {
        value(["type": "string"], description, usual.map { .string($0) }, example.map { .string($0) })
    }

    /// A reference is read when the manifest is loaded, whatever its key wants.
    static let reference: JSONValue = ["type": "string", "pattern": "\\$\\{"]

    static func number(_ description: String?, _ usual: Int?, _ range: ClosedRange<Int>) -> JSONValue {
        value(
            [
                "anyOf": [
                    ["type": "integer", "minimum": .integer(range.lowerBound), "maximum": .integer(range.upperBound)],
                    reference,
                ]
            ], description, usual.map { .integer($0) }, nil)
    }

    static func fraction(_ description: String, _ usual: Int) -> JSONValue {
        value(
            ["anyOf": [["type": "number", "minimum": 0, "maximum": 1], reference]], description, .integer(usual), nil)
    }

    static func flag(_ description: String, _ usual: Bool) -> JSONValue {
        value(["anyOf": [["type": "boolean"], reference]], description, .bool(usual), nil)
    }

    static let durationOnly: JSONValue = ["type": "string", "pattern": "^[0-9]+(ms|s|m|h|d)$|\\$\\{"]

    static func duration(_ description: String, _ usual: String?) -> JSONValue {
        value(durationOnly, description, usual.map { .string($0) }, usual == nil ? "2s" : nil)
    }

    static func size(_ description: String, _ usual: String) -> JSONValue {
        value(["type": "string", "pattern": "^[0-9]+(B|KiB|MiB|GiB)$|\\$\\{"], description, .string(usual), nil)
    }

    static func choice(_ description: String?, _ choices: [String], _ usual: String?) -> JSONValue {
        value(
            ["anyOf": [["enum": .array(choices.map { .string($0) })], reference]], description,
            usual.map { .string($0) }, nil)
    }

    static func list(_ description: String, _ items: JSONValue, example: JSONValue?) -> JSONValue {
        value(["type": "array", "items": items], description, nil, example)
    }

    static func oneOrMore(_ item: JSONValue) -> JSONValue {
        value(
            ["anyOf": [item, ["type": "array", "items": item]]], item["description"]?.string, nil,
            ["limit": 10, "per": "1m", "key": "account"])
    }

    static func limit(_ description: String, needsPer: Bool, burst: Bool = false) -> JSONValue {
        var members: [(String, JSONValue)] = [("limit", number("How many.", nil, 1...1_000_000_000))]
        if needsPer { members.append(("per", duration("In which time.", nil))) }
        if burst { members.append(("burst", number("How many may come at once.", 1, 1...1_000_000))) }
        members.append(
            (
                "key",
                text("account, ip, payload.<path> or parameters.<path>; one for all without it.", example: "account")
            ))
        return object(description, required: needsPer ? ["limit", "per"] : ["limit"], members)
    }

    static let status: JSONValue = [
        "anyOf": [
            ["type": "integer", "minimum": 100, "maximum": 599],
            ["type": "string", "pattern": "^([1-5]xx|[1-5][0-9]{2}|network|timeout)$|\\$\\{"],
        ]
    ]
}
