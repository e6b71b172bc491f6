/// What a route does, for whoever reads the API's description: every route has one.
package struct Operation: Sendable, Equatable {
    package struct Parameter: Sendable, Equatable {
        package enum Place: String, Sendable {
            case path
            case query
            case header
        }

        package var name: String
        package var place: Place
        package var summary: String
        package var isRequired: Bool

        package static func path(_ name: String, _ summary: String) -> Parameter {
            Parameter(name: name, place: .path, summary: summary, isRequired: true)
        }

        package static func query(_ name: String, _ summary: String) -> Parameter {
            Parameter(name: name, place: .query, summary: summary, isRequired: false)
        }

        package static func header(_ name: String, _ summary: String) -> Parameter {
            Parameter(name: name, place: .header, summary: summary, isRequired: false)
        }
    }

    package struct Answer: Sendable, Equatable {
        package var status: Int
        package var summary: String

        package init(_ status: Int, _ summary: String) {
            self.status = status
            self.summary = summary
        }
    }

    package var summary: String
    package var parameters: [Parameter]
    /// What the route itself answers; errors that every route may have (401, 404, 503 …) are not repeated.
    package var answers: [Answer]

    package init(_ summary: String, parameters: [Parameter] = [], answers: [Answer]) {
        self.summary = summary
        self.parameters = parameters
        self.answers = answers
    }
}
