internal import JobModel

/// Keys of a function whose machinery this version does not have. Their shape is checked; a function that uses one is
/// refused, for running it without would be worse than not running it.
struct LaterKeys {
    let refuse: Bool

    func refuse(_ value: ManifestValue, _ what: String, help: String? = nil) {
        guard refuse else { return }
        value.report("this version of Sluice does not have \(what) yet", help: help ?? "remove the key for now")
    }

    func check(_ block: inout ManifestBlock) {
        if let value = block.take("schema") {
            Self.checkSchemas(value)
            refuse(value, "JSON Schema")
        }
        if let value = block.take("schedules") {
            for schedule in value.list() ?? [] { ScheduleShape.check(schedule) }
            refuse(value, "schedules")
        }
        if let value = block.take("waitForSignal"), value.bool() == true { refuse(value, "signals") }
    }

    private static func checkSchemas(_ value: ManifestValue) {
        guard var block = value.block() else { return }
        for key in ["payload", "parameters", "result"] {
            guard let schema = block.take(key) else { continue }
            switch schema.node.content {
            case .mapping: break
            case .scalar("true", plain: true), .scalar("false", plain: true): break
            case .scalar, .sequence: schema.report("a JSON Schema is a mapping, true or false")
            }
        }
        block.finish()
    }
}

/// One entry of `schedules`.
enum ScheduleShape {
    static func check(_ value: ManifestValue) {
        guard var block = value.block() else { return }
        if let cron = block.require("cron", help: "five fields: \"0 2 * * *\""), let text = cron.nonEmptyString() {
            let fields = text.split(separator: " ")
            let allowed = text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || " */,-#?@".contains($0)) }
            if !allowed || (fields.count != 5 && !text.hasPrefix("@")) {
                cron.report(
                    "\"\(cron.shown(text))\" is not a cron expression",
                    help: "five fields: minute, hour, day of month, month, day of week")
            }
        }
        _ = block.take("timeZone")?.nonEmptyString()
        _ = block.take("payload")
        if let parameters = block.take("parameters") { _ = parameters.block() }
        _ = block.take("overlap")?.choice(["skip", "allow"])
        block.finish()
    }
}
