package import Glibc

/// Who may have touched what a server lives on, asked as ssh asks it of its keys: a file belongs to this user or to root,
/// and nobody else may write it, or read it where it is a secret.
package struct FileTrust: Sendable {
    /// Why a file is not taken.
    package enum Flaw: Error, Equatable, Sendable {
        case link
        case notRegular
        /// Its owner.
        case foreign(uid_t)
        case writable
        case readable
    }

    /// Whose trust it is.
    package struct User: Sendable {
        package var uid: uid_t
        package var groups: Set<gid_t>

        package init(uid: uid_t, groups: Set<gid_t>) {
            self.uid = uid
            self.groups = groups
        }

        package static func current() -> User {
            var groups = [gid_t](repeating: 0, count: max(0, Int(getgroups(0, nil))))
            let count = getgroups(Int32(groups.count), &groups)
            return User(uid: geteuid(), groups: Set(groups.prefix(max(0, Int(count)))).union([getegid()]))
        }
    }

    let user: User
    /// The group's permissions of a file are the volume's, not somebody's slip: Kubernetes opens every file of a volume for
    /// the pod's `fsGroup` and marks its folders with the set-group-ID bit.
    package let groupIsVolumes: Bool

    package init(user: User, groupIsVolumes: Bool) {
        self.user = user
        self.groupIsVolumes = groupIsVolumes
    }

    /// For files in a folder.
    package init(folder: String) {
        let user = User.current()
        var status = stat()
        let isThere = stat(folder, &status) == 0
        self.init(user: user, groupIsVolumes: isThere && Self.groupIsVolumes(status, user))
    }

    package static func groupIsVolumes(_ folder: stat, _ user: User) -> Bool {
        folder.st_mode & S_ISGID != 0 && user.groups.contains(folder.st_gid)
    }

    /// - Parameters:
    ///   - status: of the file itself, by fstat(2) or lstat(2).
    ///   - isSecret: others may not read it.
    ///   - mayBeRoots: root's files are as good as the user's own.
    package func flaw(of status: stat, isSecret: Bool, mayBeRoots: Bool = true) -> Flaw? {
        if status.st_mode & S_IFMT == S_IFLNK { return .link }
        guard status.st_mode & S_IFMT == S_IFREG else { return .notRegular }
        guard status.st_uid == user.uid || (mayBeRoots && status.st_uid == 0) else { return .foreign(status.st_uid) }
        let others: mode_t = groupIsVolumes ? 0o007 : 0o077
        if status.st_mode & others & 0o022 != 0 { return .writable }
        if isSecret, status.st_mode & others != 0 { return .readable }
        return nil
    }
}

extension FileTrust.Flaw {
    /// What is wrong with the file, and the cure.
    package func text(of path: String, orDelete consequence: String? = nil) -> String {
        let delete = consequence.map { ", or delete it: \($0)" } ?? ""
        return switch self {
        case .link: "\(path) is a symbolic link, which others may have laid; put the file itself there\(delete)"
        case .notRegular: "\(path) is not a regular file; remove it"
        case .foreign(let uid):
            "\(path) belongs to another user (uid \(uid)); chown it to the user of the server\(delete)"
        case .writable: "\(path) can be written by others, so it may be theirs; chmod 600 '\(path)'\(delete)"
        case .readable: "\(path) can be read by others, so it may be known; chmod 600 '\(path)'\(delete)"
        }
    }
}
