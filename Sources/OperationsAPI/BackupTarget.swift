internal import HTTPSupport

/// The file that a backup is to become, as the client sees it: the server refuses its own files. All of it is optional,
/// for most clients write elsewhere.
package struct BackupTarget: Sendable, Equatable {
    /// The machine's boot id; numbers of files mean something on that machine only.
    package var machine: String?
    /// `device:inode` of the folder that it lies in.
    package var folder: String?
    package var name: String?
    /// `device:inode` of the file that it replaces.
    package var file: String?

    init(_ request: ServerRequest) throws(Problem) {
        for (name, value) in try RequestFields.query(request) {
            switch name {
            case "machine": machine = value
            case "folder": folder = value
            case "name": self.name = value
            case "file": file = value
            default: throw Problem(400, "A backup takes no parameter \"\(name)\".")
            }
        }
    }
}
