import JobModel
import Testing

@Suite struct LeaseTests {
    @Test func `A lease comes back from its token, which is never 0`() {
        for epoch: Int64 in [1, 2, 1000, 1 << 23 - 1] {
            for number: Int64 in [1, 2, 1 << 20, 1 << 40 - 1] {
                let lease = Lease(epoch: epoch, number: number)
                #expect(lease.token > 0)
                #expect(Lease(token: lease.token) == lease)
            }
        }
    }

    @Test func `Every token of an earlier epoch is smaller than the first of a later one`() {
        #expect(Lease(epoch: 6, number: 1 << 40 - 1).token < Lease.firstToken(of: 7))
        #expect(Lease.firstToken(of: 7) < Lease(epoch: 7, number: 1).token)
    }
}
