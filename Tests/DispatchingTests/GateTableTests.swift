import JobModel
import Testing

@testable import Dispatching

/// What throttles remember of keys that nobody waits with is bounded, and so is the work of one call.
@Suite struct GateTableTests {
    private static let rule = Throttle(limit: 1, per: .seconds(3600))

    @Test(arguments: [1, 2, 6, 20])
    func `Past the limit throttles forget in steps, however many of them a job counts in`(_ rules: Int) {
        let limit = 16
        var gates = GateTable(unnamedLimit: limit)
        for key in 0..<Int64(500) {
            let ids = (0..<rules).map { gates.name(.rate(FunctionID(index: 0), $0), key) }
            for id in ids { gates[id].cell.start(Self.rule, at: 0) }
            let before = gates.looked
            gates.release(ids, at: 0)
            #expect(gates.looked - before <= rules + 4)
            #expect(gates.count <= limit)
        }
    }

    @Test func `What remembers nothing goes at once, what is named stays`() {
        var gates = GateTable(unnamedLimit: 1000)
        let named = gates.name(.rate(FunctionID(index: 0), 0), -1)
        for key in 0..<Int64(100) { gates.release([gates.name(.count(FunctionID(index: 0), 0), key)], at: 0) }
        #expect(gates.count == 1)
        for key in 0..<Int64(100) {
            let id = gates.name(.rate(FunctionID(index: 0), 0), key)
            gates[id].cell.start(Self.rule, at: 0)
            gates.release([id], at: 0)
        }
        #expect(gates.count == 101)
        #expect(gates.find(.rate(FunctionID(index: 0), 0), -1) == named)
    }
}
