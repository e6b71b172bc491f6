package import JobModel

/// Keeps how the steady clock (`Moment.steady`) stands, so that it goes on over a restart, and the times of jobs that name a wall
/// time.
package protocol ClockStore: Sendable {
    /// What was kept last; nil when nothing ever was.
    func clockMark() async throws(StoreError) -> ClockMark?

    func keep(_ mark: ClockMark) async throws(StoreError)

    /// Makes queued jobs that name a wall time and have never started due when the wall clock says so; their deadlines move
    /// along. Looks at no more than `limit` of them.
    ///
    /// - Parameter offset: how far the wall clock is ahead of the steady one.
    func follow(offset: Duration, after cursor: FollowedJobs.Cursor?, limit: Int) async throws(StoreError)
        -> FollowedJobs
}

/// A reading of the steady clock and how far the wall clock was ahead of it.
package struct ClockMark: Equatable, Sendable {
    /// The next process goes on here at the earliest.
    package var steady: Timestamp
    package var offset: Duration

    package init(steady: Timestamp, offset: Duration) {
        self.steady = steady
        self.offset = offset
    }
}

/// Some of the jobs that name a wall time, brought to it.
package struct FollowedJobs: Equatable, Sendable {
    package struct Cursor: Equatable, Sendable {
        package var namesWall: Timestamp
        package var row: Int64

        package init(namesWall: Timestamp, row: Int64) {
            self.namesWall = namesWall
            self.row = row
        }
    }

    /// What has moved: function, lane and the new time.
    package var moved: [(function: String, lane: LaneDue)]
    /// Where to go on; nil at the end.
    package var next: Cursor?

    package init(moved: [(function: String, lane: LaneDue)], next: Cursor?) {
        self.moved = moved
        self.next = next
    }

    package static func == (left: FollowedJobs, right: FollowedJobs) -> Bool {
        left.next == right.next && left.moved.elementsEqual(right.moved) { $0 == $1 }
    }
}
