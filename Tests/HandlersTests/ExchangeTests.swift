import JobModel
import Outbound
import Testing

@testable import Handlers

@Suite struct ExchangeTests {
    @Test func `No more of an answer's fields are recorded than have room`() {
        let fields = (0..<5000).map { OutboundAnswer.Field("x-\($0)", "yyyy") }
        let exchange = Exchange(
            OutboundResult(answer: OutboundAnswer(status: 200, headers: fields), failure: nil))
        let bytes = exchange.headers.reduce(0) { $0 + $1.name.utf8.count + $1.value.utf8.count + 4 }
        #expect(bytes <= Limits.exchangeHeaderBytes && bytes > Limits.exchangeHeaderBytes - 32)
        #expect(exchange.headers.first?.name == "x-0")
        #expect(Exchange(OutboundResult(answer: OutboundAnswer(status: 200), failure: nil)).headers.isEmpty)
    }
}
