/// What `DATABASE_URL` names: `sqlite:sluice.db`, `sqlite:/var/lib/sluice/sluice.db`, `sqlite:///var/lib/sluice/sluice.db`.
struct Database: Sendable {
    let path: String

    init(url: String) throws(SettingsProblem) {
        if url.hasPrefix("postgres://") || url.hasPrefix("postgresql://") {
            throw SettingsProblem(
                text: "DATABASE_URL names PostgreSQL, which this version does not have yet; use sqlite:sluice.db")
        }
        guard url.hasPrefix("sqlite:") else {
            // The rest may hold a password.
            let scheme = url.prefix { $0 != ":" }.prefix(20)
            throw SettingsProblem(
                text: "DATABASE_URL begins with \"\(scheme)\"; write sqlite:PATH, for example sqlite:sluice.db")
        }
        var path = url.dropFirst(7)
        if path.hasPrefix("//") { path = path.dropFirst(2) }
        guard !path.isEmpty, path != ":memory:" else {
            throw SettingsProblem(text: "DATABASE_URL names no file; write sqlite:PATH, for example sqlite:sluice.db")
        }
        self.path = String(path)
    }

    /// Where it lies.
    var folder: String { Folder.parent(of: path) }
}
