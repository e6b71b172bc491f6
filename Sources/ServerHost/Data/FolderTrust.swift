internal import FoundationEssentials
internal import Glibc
internal import SQLiteJobStore

/// Whether secrets may lie in a folder. Whoever can write it can put files of his own in place of the server's, so it is
/// refused as ssh refuses such a ~/.ssh. Volumes of containers are often open by the will of whoever mounted them, which the
/// server cannot change: these are warned of.
struct FolderTrust {
    /// What is known of the folder.
    struct Facts {
        var mode: mode_t
        var owner: uid_t
        var group: gid_t
        /// It is where a file system or a volume is mounted.
        var isMountPoint = false
        /// Its group is this user's, with nobody else in it, as where umask 002 is usual.
        var groupIsPrivate = false
    }

    /// What lies in it.
    enum Content {
        case data
        case database

        fileprivate var name: String {
            switch self {
            case .data: "data folder"
            case .database: "database's folder"
            }
        }

        fileprivate var settings: String {
            switch self {
            case .data: "--data or SLUICE_DATA"
            case .database: "--database or DATABASE_URL"
            }
        }
    }

    let path: String
    let content: Content
    let facts: Facts
    let user: FileTrust.User

    init(path: String, content: Content = .data, facts: Facts, user: FileTrust.User) {
        self.path = path
        self.content = content
        self.facts = facts
        self.user = user
    }

    /// nil when it cannot be looked at: whoever writes into it learns why.
    init?(path: String, content: Content) {
        var status = stat()
        var parent = stat()
        guard stat(path, &status) == 0, stat("\(path)/..", &parent) == 0 else { return nil }
        let user = FileTrust.User.current()
        self.init(
            path: path, content: content,
            facts: Facts(
                mode: status.st_mode, owner: status.st_uid, group: status.st_gid,
                isMountPoint: status.st_dev != parent.st_dev,
                groupIsPrivate: Self.isPrivate(status.st_gid, of: status.st_uid)),
            user: user)
    }

    /// Others can write it, and nothing says that this was meant.
    var refusal: String? {
        guard !isSticky, !isVolume, isOpenToAll || isOpenToGroup else { return nil }
        return
            "the \(content.name) \(path) can be written by \(isOpenToAll ? "everybody" : "its group"), who could put files of "
            + "their own in place of the server's; chmod go-w '\(path)', or choose another with \(content.settings)"
    }

    var warnings: [String] {
        var warnings: [String] = []
        if facts.owner != user.uid, facts.owner != 0 {
            warnings.append(
                "The \(content.name) \(path) belongs to another user (uid \(facts.owner)), who can replace what lies in it; "
                    + "chown it to uid \(user.uid)")
        }
        if refusal == nil, isOpenToAll || isOpenToGroup {
            warnings.append(
                "The \(content.name) \(path) can be written by \(isOpenToAll ? "everybody" : "its group"); chmod go-w '\(path)' "
                    + "where the volume allows it, or use a folder in it that the server makes")
        }
        return warnings
    }

    private var isOpenToAll: Bool { facts.mode & 0o002 != 0 }
    private var isOpenToGroup: Bool { facts.mode & 0o020 != 0 && !facts.groupIsPrivate }
    /// Others may add files, and not touch those of the server (inode(7), "sticky bit").
    private var isSticky: Bool { facts.mode & S_ISVTX != 0 }

    private var isVolume: Bool {
        var status = stat()
        (status.st_mode, status.st_gid) = (facts.mode, facts.group)
        return facts.isMountPoint || (FileTrust.groupIsVolumes(status, user) && !isOpenToAll)
    }

    /// A group that is named as its user, has its number, and no other member.
    private static func isPrivate(_ group: gid_t, of owner: uid_t) -> Bool {
        guard let user = getpwuid(owner) else { return false }
        let (name, primary) = (String(cString: user.pointee.pw_name), user.pointee.pw_gid)
        guard primary == group, let entry = getgrgid(group), String(cString: entry.pointee.gr_name) == name else {
            return false
        }
        var member = entry.pointee.gr_mem
        while let text = member?.pointee {
            if String(cString: text) != name { return false }
            member = member?.advanced(by: 1)
        }
        return true
    }
}
