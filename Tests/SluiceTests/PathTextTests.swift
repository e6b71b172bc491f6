import Testing

@testable import ServerHost

@Suite struct PathTextTests {
    @Test(arguments: [
        ("", "b", "b"), (".", "b", "./b"), ("a", "b", "a/b"), ("a/", "b", "a/b"), ("/", "b", "/b"),
        ("/a/c", "b", "/a/c/b"),
    ])
    func `A name is joined to its folder`(_ folder: String, _ name: String, _ path: String) {
        #expect(PathText.join(folder, name) == path)
    }

    @Test(arguments: [
        ("", ""), ("/", "/"), ("a", "a"), ("a/b", "b"), ("a/b/", "b"), ("/a", "a"), ("/a//b", "b"), ("..", ".."),
    ])
    func `The last name of a path`(_ path: String, _ name: String) {
        #expect(PathText.lastName(of: path) == name)
    }

    @Test(arguments: [("/", "/"), ("/a", "/"), ("/a/b", "/a"), ("/a/b/c", "/a/b")])
    func `The parent of an absolute path`(_ path: String, _ parent: String) {
        #expect(PathText.parent(ofAbsolute: path) == parent)
    }

    @Test(arguments: [
        ("", ""), (" ", ""), ("\t \r\n", ""), ("a", "a"), (" a b\n", "a b"), ("\u{A0}\u{3000}ü\u{2028}", "ü"),
        ("a\r\n", "a"), ("\u{200B}a", "\u{200B}a"),
    ])
    func `Spaces and ends of lines are taken off both ends`(_ text: String, _ trimmed: String) {
        #expect(text.trimmed == trimmed)
        #expect(text[...].trimmed == trimmed)
    }
}
