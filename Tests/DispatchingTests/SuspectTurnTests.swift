import JobModel
import Testing

@testable import Dispatching

/// The rules of CONTRACT 2 for a job with two lost attempts, on a clock of seconds.
struct SuspectTurnTests {
    /// What happens at a second, and what is expected of it.
    struct Step: Sendable {
        var second: Int64
        /// Of suspects that wait, the second since which the first does; nil when none does.
        var since: Int64?
        var suspects = 0
        var others = 0
        var startsAlone = false
        var startsBeside = false
        var isHolding = false
        /// The second of the next look.
        var look: Int64?
    }

    struct Course: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var steps: [Step]

        init(_ name: String, _ steps: Step...) {
            testDescription = name
            self.steps = steps
        }
    }

    static let courses = [
        Course("nobody waits, nothing is held", Step(second: 10, others: 3)),
        Course(
            "on an idle server it starts at once, and others wait while it runs",
            Step(second: 10, since: 10, startsAlone: true, isHolding: true, look: 15),
            Step(second: 11, suspects: 1, isHolding: true, look: 15)),
        Course(
            "a hold ends when nobody is left whom it is for",
            Step(second: 10, since: 10, startsAlone: true, isHolding: true, look: 15),
            Step(second: 11)),
        Course(
            "after five seconds others start beside it",
            Step(second: 10, since: 10, startsAlone: true, isHolding: true, look: 15),
            Step(second: 14, suspects: 1, isHolding: true, look: 15),
            Step(second: 15, suspects: 1, others: 1)),
        Course(
            "one waits for the other, within the same hold",
            Step(second: 10, since: 10, startsAlone: true, isHolding: true, look: 15),
            Step(second: 11, since: 10, suspects: 1, isHolding: true, look: 15),
            Step(second: 12, since: 10, startsAlone: true, isHolding: true, look: 15)),
        Course(
            "what runs has five seconds to end",
            Step(second: 10, since: 10, others: 2, isHolding: true, look: 15),
            Step(second: 14, since: 10, others: 1, isHolding: true, look: 15),
            Step(second: 15, since: 10, others: 1, look: 70)),
        Course(
            "the hold begins once a minute, whatever came of the one before",
            Step(second: 10, since: 10, others: 1, isHolding: true, look: 15),
            Step(second: 11, others: 1),
            Step(second: 69, since: 69, others: 1, look: 70),
            Step(second: 70, since: 69, others: 1, isHolding: true, look: 75)),
        Course(
            "without a hold it starts when nothing else runs",
            Step(second: 10, since: 10, others: 1, isHolding: true, look: 15),
            Step(second: 15, since: 10, others: 1, look: 70),
            Step(second: 20, since: 10, startsAlone: true, look: 70)),
        Course(
            "after five minutes it starts beside others",
            Step(second: 10, since: 10, others: 1, isHolding: true, look: 15),
            Step(second: 309, since: 10, others: 1, isHolding: true, look: 314),
            Step(second: 309, others: 1),
            Step(second: 309, since: 10, others: 1, look: 310),
            Step(second: 310, since: 10, others: 1, startsBeside: true, look: 610)),
        Course(
            "and that comes before another hold",
            Step(second: 10, since: 10, others: 1, isHolding: true, look: 15),
            Step(second: 310, since: 10, others: 1, startsBeside: true, look: 610)),
        Course(
            "one that could start beside others is alone where there are none",
            Step(second: 10, since: 10, others: 1, isHolding: true, look: 15),
            Step(second: 310, since: 10, startsAlone: true, isHolding: true, look: 315)),
        Course(
            "but not beside another suspect, unless that runs for five minutes",
            Step(second: 10, since: 10, startsAlone: true, isHolding: true, look: 15),
            Step(second: 15, since: 10, suspects: 1, look: 310),
            Step(second: 309, since: 10, suspects: 1, look: 310),
            Step(second: 310, since: 10, suspects: 1, startsBeside: true, look: 610),
            Step(second: 400, since: 10, suspects: 2, look: 610)),
    ]

    @Test(arguments: courses) func `Who starts when`(course: Course) {
        var turn = SuspectTurn()
        for step in course.steps {
            let now = step.second * 1_000_000_000
            var scene = SuspectTurn.Scene(
                isAwaited: step.since != nil, suspects: step.suspects, others: step.others)
            let since = step.since.map { $0 * 1_000_000_000 }
            #expect(turn.startsAlone(waitingSince: since, scene, at: now) == step.startsAlone, "at \(step.second)")
            let startsBeside =
                !step.startsAlone
                && (since.map { turn.startsBesideOthers(waitingSince: $0, scene, at: now) } ?? false)
            #expect(startsBeside == step.startsBeside, "at \(step.second)")
            #expect(turn.isHolding == step.isHolding, "at \(step.second)")
            if step.startsAlone || startsBeside {
                turn.started(at: now)
                if startsBeside { scene.suspects += 1 }
            }
            #expect(
                turn.nextLook(waitingSince: since, scene, at: now) == step.look.map { $0 * 1_000_000_000 },
                "at \(step.second)")
        }
    }
}
