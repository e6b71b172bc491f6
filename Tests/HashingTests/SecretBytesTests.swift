import Hashing
import Testing

@Suite struct SecretBytesTests {
    @Test(
        arguments: [
            ([], [], true), ([1, 2, 3], [1, 2, 3], true), ([1, 2, 3], [1, 2, 4], false),
            ([0, 2, 3], [1, 2, 3], false),
            ([1, 2, 3], [1, 2], false), ([1, 2], [1, 2, 3], false), ([], [0], false),
        ] as [([UInt8], [UInt8], Bool)])
    func `Bytes are equal when all of them are`(_ left: [UInt8], _ right: [UInt8], _ isEqual: Bool) {
        #expect(ConstantTime.equal(left, right) == isEqual)
    }

    @Test(arguments: [0, 1, 16, 32, 1000])
    func `There are as many random bytes as were asked for`(_ count: Int) {
        #expect(RandomBytes.make(count: count).count == count)
    }

    @Test func `Random bytes do not come twice`() {
        #expect(Set((0..<1000).map { _ in RandomBytes.make(count: 16) }).count == 1000)
    }
}
