internal import JobModel

/// What one revision of a manifest changes in another, value by value.
package struct ManifestChanges: Equatable, Sendable {
    /// One value that differs. Of a secret nothing is shown, of a URL only where it leads.
    package struct Field: Equatable, Sendable {
        /// Below the function, or from the top of the file.
        package var path: String
        /// nil where the key was, or is, left out and has no default.
        package var before: String?
        package var after: String?
    }

    package struct ChangedFunction: Equatable, Sendable {
        package var name: String
        package var fields: [Field]
    }

    package var added: [String]
    package var removed: [String]
    package var changed: [ChangedFunction]
    /// What is no function's.
    package var settings: [Field]

    package var isEmpty: Bool { added.isEmpty && removed.isEmpty && changed.isEmpty && settings.isEmpty }

    package init(from old: Manifest, to new: Manifest) {
        let before = Dictionary(old.functions.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        let after = Set(new.functions.map(\.name))
        added = new.functions.map(\.name).filter { before[$0] == nil }
        removed = old.functions.map(\.name).filter { !after.contains($0) }
        changed = new.functions.compactMap { function in
            guard let former = before[function.name], former != function else { return nil }
            let owner = "functions.\(function.name)"
            let fields = Self.differences(
                ManifestFields.of(former).map { $0.showing(old.written, of: owner) },
                ManifestFields.of(function).map { $0.showing(new.written, of: owner) })
            return fields.isEmpty ? nil : ChangedFunction(name: function.name, fields: fields)
        }
        settings = Self.differences(
            ManifestFields.of(old).map { $0.showing(old.written, of: "") },
            ManifestFields.of(new).map { $0.showing(new.written, of: "") })
    }

    private static func differences(_ old: [ManifestField], _ new: [ManifestField]) -> [Field] {
        let before = Dictionary(old.map { ($0.path, $0) }, uniquingKeysWith: { first, _ in first })
        let kept = Set(new.map(\.path))
        // What the new one has, in its order, then what only the old one had.
        let pairs: [(ManifestField?, ManifestField?)] =
            new.map { (before[$0.path], $0) } + old.filter { !kept.contains($0.path) }.map { ($0, nil) }
        return pairs.compactMap { former, present in
            guard former?.value != present?.value, let path = (present ?? former)?.path else { return nil }
            return Field(path: path, before: former?.shown, after: present?.shown)
        }
    }
}

extension ManifestChanges {
    /// Live jobs of a function.
    package struct Live: Equatable, Sendable {
        package var queued: Int
        package var running: Int

        package init(queued: Int, running: Int) {
            self.queued = queued
            self.running = running
        }
    }

    /// A line for each change, and what it means for the jobs that are there:
    /// `resize-image: timeout 30s → 10s, 12 running finish under the old value`.
    package func lines(_ live: (String) -> Live) -> [String] {
        var lines = settings.map { Self.text($0) }
        for name in added {
            let waiting = live(name).queued
            lines.append("\(name): added" + (waiting > 0 ? "; \(waiting) queued jobs of it go on" : ""))
        }
        for function in changed {
            let running = live(function.name).running
            for field in function.fields {
                let change = "\(function.name): \(Self.text(field))"
                lines.append(change + Self.remark(on: field, function.name, running: running))
            }
        }
        for name in removed { lines.append("\(name): removed" + Self.remark(onRemoval: live(name))) }
        return lines
    }

    private static func remark(onRemoval live: Live) -> String {
        var parts: [String] = []
        if live.queued > 0 {
            parts.append("\(live.queued) queued \(live.queued == 1 ? "job waits" : "jobs wait"), blocked")
        }
        if live.running > 0 { parts.append("\(live.running) running \(live.running == 1 ? "finishes" : "finish")") }
        return parts.isEmpty ? "" : "; " + parts.joined(separator: ", ")
    }

    /// What an attempt was started with stays as it was.
    private static func remark(on field: Field, _ function: String, running: Int) -> String {
        let keepsOldValue = field.path == "timeout" || field.path.hasPrefix("handler") || field.path.hasPrefix("retry.")
        guard running > 0, keepsOldValue else { return "" }
        return ", \(running) running \(running == 1 ? "finishes" : "finish") under the old value"
    }

    private static func text(_ field: Field) -> String {
        // What differs in it is not shown.
        if field.before == field.after { return "\(field.path) changed" }
        return "\(field.path) \(field.before ?? "none") → \(field.after ?? "none")"
    }
}
