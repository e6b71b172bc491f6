package import JobModel

/// What the first job of a lane says.
package enum LaneHead: Sendable {
    /// Its keys, under the deployment of the reader.
    case job(JobKeys)
    /// Nothing is due before.
    case later(Timestamp)
    case empty
    /// It cannot be read.
    ///
    /// - Parameter isStoreWide: no lane is to blame.
    case failed(isStoreWide: Bool)
}

// Lanes whose keys nobody knows: after a restart, and after a reload that changes what keys are made of. Their first job is
// read, never claimed.
extension DispatchState {
    /// Lanes whose first job is to be read.
    package mutating func takeUnread(_ limit: Int) -> [LaneToken] {
        let tokens = Array(unread.prefix(limit))
        unread.removeFirst(tokens.count)
        return tokens.filter { lanes[$0.lane].ticket == $0.ticket }
    }

    /// Lanes whose jobs hash to other lanes under the present rules.
    package mutating func takeStale(_ limit: Int) -> [LaneToken] {
        let tokens = Array(stale.prefix(limit))
        stale.removeFirst(tokens.count)
        return tokens.filter { lanes[$0.lane].ticket == $0.ticket }
    }

    /// - Parameter number: of the deployment that the keys were made under.
    package mutating func read(_ token: LaneToken, _ head: LaneHead, under number: Int, at now: Moment) {
        let lane = token.lane
        guard lanes[lane].ticket == token.ticket, lanes[lane].standing == .reading else { return }
        let function = lanes[lane].function
        switch head {
        case .job(let keys):
            if number < functions[function.index].changedUnder {
                place(lane, at: now.nanoseconds)
            } else if keys.lane == lanes[lane].key {
                learn(keys, of: lane, at: now.nanoseconds)
                place(lane, at: now.nanoseconds)
            } else {
                move(lane, to: .moving)
                stale.append(self.token(of: lane))
            }
        case .later(let due):
            lanes[lane].nextDue = min(lanes[lane].nextDue ?? due, due)
            goOn(lane, at: now)
        case .empty: goOn(lane, at: now)
        case .failed(let isStoreWide):
            lanes[lane].isResting = true
            move(lane, to: .later(now.steady + (isStoreWide ? .seconds(1) : Limits.failedLaneRest)))
        }
        if lanes[lane].standing != .ready { for gate in functions[function.index].commonGates { letOn(gate) } }
    }

    /// The jobs of a stale lane have been moved.
    ///
    /// - Parameter isEmpty: none is left in it.
    package mutating func moved(_ token: LaneToken, isEmpty: Bool, at now: Moment) {
        let lane = token.lane
        guard lanes[lane].ticket == token.ticket, lanes[lane].standing == .moving else { return }
        if isEmpty {
            lanes[lane].nextDue = nil
            goOn(lane, at: now)
        } else {
            // Its first job is read again: it may be one of those that belong here.
            lanes[lane].hasNews = false
            place(lane, at: now.nanoseconds)
        }
    }

    /// Nothing is due in it, unless something has come meanwhile.
    private mutating func goOn(_ lane: LaneID, at now: Moment) {
        if lanes[lane].hasNews {
            lanes[lane].hasNews = false
            place(lane, at: now.nanoseconds)
        } else {
            lanes[lane].expected = 0
            move(lane, to: .claiming)
            rest(lane, at: now)
        }
    }
}
