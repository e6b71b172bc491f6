/// Paths as they are written: nothing is looked up, and a relative path stays relative.
package enum PathText {
    package static func join(_ folder: String, _ name: String) -> String {
        guard let last = folder.utf8.last else { return name }
        return last == UInt8(ascii: "/") ? folder + name : "\(folder)/\(name)"
    }

    /// What stands behind the last slash; slashes at the end do not count.
    static func lastName(of path: String) -> String {
        guard let name = path.split(separator: "/").last else { return path.isEmpty ? "" : "/" }
        return String(name)
    }

    /// Of a path that begins with a slash; the root is its own parent.
    static func parent(ofAbsolute path: String) -> String {
        "/" + path.split(separator: "/").dropLast().joined(separator: "/")
    }
}
