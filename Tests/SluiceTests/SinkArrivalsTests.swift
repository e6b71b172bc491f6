import JobModel
import OperationsAPI
import PayloadSchema
import Testing

@Suite struct SinkArrivalsTests {
    private func arrival(_ body: [UInt8], isJSON: Bool = true, id: String = "msg") -> SinkArrivals.Arrival {
        SinkArrivals.Arrival(
            at: Timestamp(milliseconds: 0), id: id, attempt: "1", answered: 200,
            steps: [SinkArrivals.Step(name: "body", isRight: true, detail: "fine")], body: body, isJSON: isJSON)
    }

    /// A JSON text of so many bytes.
    private func text(_ count: Int) -> [UInt8] { Array("\"\(String(repeating: "x", count: count - 2))\"".utf8) }

    @Test func `Of each sink the latest hundred are kept`() {
        var arrivals = SinkArrivals()
        for number in 0..<SinkArrivals.kept + 3 { arrivals.add(arrival(text(10), id: "\(number)"), to: "a") }
        #expect(arrivals["a"].count == SinkArrivals.kept)
        #expect(arrivals["a"].first?.id == "3" && arrivals["a"].last?.id == "102")
    }

    @Test func `There are a hundred sinks, and room again when one is emptied`() {
        var arrivals = SinkArrivals()
        for number in 0...SinkArrivals.sinks { arrivals.add(arrival(text(10)), to: "\(number)") }
        #expect(arrivals["99"].count == 1 && arrivals["100"].isEmpty)
        arrivals.remove("5")
        arrivals.add(arrival(text(10)), to: "100")
        #expect(arrivals["100"].count == 1)
    }

    @Test func `All together keep what the bound allows, and lose the oldest past it`() {
        var arrivals = SinkArrivals()
        let body = text(1 << 20)
        arrivals.add(arrival(body, id: "0"), to: "s0")
        let each = arrivals.usedBytes
        #expect(each >= 1 << 20)
        let fit = SinkArrivals.bytes / each
        for number in 1..<fit { arrivals.add(arrival(body, id: "\(number)"), to: "s\(number % 10)") }
        #expect(arrivals.usedBytes <= SinkArrivals.bytes && arrivals["s0"].first?.id == "0")
        // One more than there is room for.
        arrivals.add(arrival(body, id: "last"), to: "s9")
        #expect(arrivals.usedBytes <= SinkArrivals.bytes)
        #expect(arrivals["s0"].first?.id != "0" && arrivals["s9"].last?.id == "last")
        for number in 0..<1000 { arrivals.add(arrival(body), to: "s\(number % 10)") }
        #expect(arrivals.usedBytes <= SinkArrivals.bytes)
    }

    @Test func `One at the bound is kept whole, one past it is told by its size`() {
        var arrivals = SinkArrivals()
        arrivals.add(arrival(text(2)), to: "s")
        let overhead = arrivals.usedBytes - 2
        arrivals.add(arrival(text(SinkArrivals.bytes - overhead)), to: "s")
        #expect(arrivals["s"].map(\.body.count) == [SinkArrivals.bytes - overhead])
        #expect(arrivals.usedBytes == SinkArrivals.bytes)
        arrivals.add(arrival(text(SinkArrivals.bytes - overhead + 1)), to: "s")
        #expect(
            arrivals["s"].last.map { String(decoding: $0.body, as: UTF8.self) }?.hasPrefix(
                "\"\(SinkArrivals.bytes - overhead + 1) bytes") == true)
        #expect(arrivals.usedBytes <= SinkArrivals.bytes)
    }

    @Test func `Whatever comes and goes, what is counted is what is there`() {
        var arrivals = SinkArrivals()
        for number in 0..<3000 {
            arrivals.add(arrival(text(2 + number * 7919 % 200_000)), to: "s\(number * 31 % 130)")
            if number % 37 == 0 { arrivals.remove("s\(number % 130)") }
            #expect(arrivals.usedBytes <= SinkArrivals.bytes)
        }
        for number in 0..<130 { arrivals.remove("s\(number)") }
        #expect(arrivals.usedBytes == 0)
    }

    @Test func `What came is shown, the newest first`() throws {
        let json = SinkArrivals.json(
            "a\"b",
            [
                arrival(Array(#"{"n": 1.0, "x":[0]}"#.utf8), id: "1"),
                arrival(Array("no\u{0}json".utf8), isJSON: false, id: "2"),
            ])
        let value = try JSONParser.parse(json)
        #expect(value["sink"] == "a\"b" && value["count"] == 2)
        #expect(value.value(at: ["webhooks", "0", "body"]) == "no\u{0}json")
        #expect(value.value(at: ["webhooks", "1", "id"]) == "1")
        #expect(value.value(at: ["webhooks", "1", "body", "n"])?.text == "1.0")
        #expect(value.value(at: ["webhooks", "1", "verified"]) == true)
        #expect(try JSONParser.parse(SinkArrivals.json("none", []))["count"] == 0)
    }
}
