import JobModel
import PayloadSchema
import Testing

/// Names in paths and templates are bytes: neither Unicode equivalence nor grapheme clusters count.
@Suite struct TemplateNameTests {
    @Test func `A path leads to the member with its own bytes, not to one that Unicode holds for the same`() throws {
        let values = TemplateValues(payload: ["e\u{301}": ["\u{212A}": 1], "\u{E9}": ["K": 2]])
        #expect(values[try #require(ValuePath("payload.\u{E9}.K"))] == 2)
        #expect(values[try #require(ValuePath("payload.e\u{301}.\u{212A}"))] == 1)
        #expect(values[try #require(ValuePath("payload.\u{E9}.\u{212A}"))] == nil)
    }

    @Test func `Paths are the same when their bytes are`() throws {
        let composed = try #require(ValuePath("payload.\u{E9}"))
        let decomposed = try #require(ValuePath("payload.e\u{301}"))
        #expect(composed != decomposed)
        #expect(composed == ValuePath("payload.\u{E9}"))
        #expect(composed != ValuePath("parameters.\u{E9}"))
        #expect(Set([composed, decomposed, composed]).count == 2)
        #expect(decomposed.description.unicodeScalars.elementsEqual("payload.e\u{301}".unicodeScalars))
    }

    @Test func `A combining mark hides neither a dot nor a brace`() throws {
        let values = TemplateValues(payload: ["a": ["\u{301}b": "x"]])
        #expect(values[try #require(ValuePath("payload.a.\u{301}b"))] == "x")
        let template = try Template("{{\u{301}{payload.a.\u{301}b}\u{301}}}\u{301}")
        #expect(template.text(values)?.unicodeScalars.elementsEqual("{\u{301}x\u{301}}\u{301}".unicodeScalars) == true)
        #expect(throws: Template.Problem.unclosed) { try Template("{payload.a\u{301}") }
    }
}
