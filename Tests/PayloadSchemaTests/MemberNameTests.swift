import PayloadSchema
import Testing

/// Pairs that `String ==` holds for one name (Unicode Standard Annex 15: canonical equivalence).
@Suite struct MemberNameTests {
    static let pairs = [
        ("Key", "\u{212A}ey"), ("\u{E9}", "e\u{301}"), ("\u{C5}", "\u{212B}"), ("\u{AC00}", "\u{1100}\u{1161}"),
        ("a\u{323}\u{307}", "a\u{307}\u{323}"), (";", "\u{37E}"),
    ]

    @Test(arguments: pairs)
    func `Names that Unicode holds for one are two`(_ one: String, _ other: String) {
        #expect(one == other)
        #expect(MemberName(one) != MemberName(other))
        #expect(MemberName(one) == MemberName(one))
        #expect(Set([MemberName(one), MemberName(other), MemberName(one)]).count == 2)
    }

    @Test(arguments: pairs)
    func `An object keeps both of them, and finds each by its own bytes`(_ one: String, _ other: String) throws {
        let value = try JSONParser.parse("{\"\(one)\":1,\"\(other)\":2,\"\(one)\":3}")
        #expect(value.text.utf8.elementsEqual("{\"\(one)\":3,\"\(other)\":2}".utf8))
        #expect(value[one] == 3)
        #expect(value[other] == 2)
        #expect(value.value(at: [other]) == 2)
        let alone = try JSONParser.parse("{\"\(one)\":1}")
        #expect(alone[other] == nil)
        #expect(alone != [other: 1])
        guard case .object(var object) = value else { return }
        object[one] = nil
        #expect(object.members.map(\.value) == [2])
        #expect(object[other] == 2)
    }

    @Test(arguments: pairs)
    func `Strings are equal when their bytes are`(_ one: String, _ other: String) {
        #expect(JSONValue.string(one) != JSONValue.string(other))
        #expect(JSONValue.array([.string(one)]) == JSONValue.array([.string(one)]))
    }

    @Test func `Values of different kinds are never equal`() {
        let values: [JSONValue] = [
            nil, true, false, 1, "1", [], [1], .object(JSONObject()), ["a": 1], ["a": 2], ["b": 1],
        ]
        for (index, left) in values.enumerated() {
            for (place, right) in values.enumerated() { #expect((left == right) == (index == place)) }
        }
    }
}
