/// Decides what becomes of a request when its head is there. Called on event loops; never waits, never throws.
package protocol Door: AnswerDesk {
    func open(_ request: ServerRequest) -> Opening

    /// For a request that no route is asked about.
    func refuse(_ request: ServerRequest, _ problem: Problem) -> Opening
}

/// What the door says of a request.
package struct Opening: Sendable {
    package enum Decision: Sendable {
        case refused(ServerResponse)
        case letIn(RouteAnswer, bodyLimit: Int)
    }

    package var decision: Decision
    package var context: RouteContext
    package var style: AnswerStyle
}
