internal import JobModel

/// Endpoints that match the same paths: the same method, the same literals, parameters in the same places. Looked up, not
/// compared with each other: a manifest may declare 25,000 functions.
struct EndpointClashes {
    private struct Place: Hashable {
        var method: String
        var shape: PathPattern.Shape
    }

    /// The first function at each place.
    private var taken: [Place: (function: String, line: Int)] = [:]

    mutating func add(_ function: Function, at span: Span, context: ReadingContext) {
        let endpoint = function.endpoint
        let key = "functions.\(function.name).endpoint"
        let method = context.shown(endpoint.method, of: "\(key).method")
        let message = "\(key): \(method) \(context.shown(endpoint.path.description, of: "\(key).path"))"
        // DELETE on a status URL cancels.
        if endpoint.method == "DELETE", endpoint.path.segments.count == 3,
            endpoint.path.segments[1] == .literal("status")
        {
            context.problems.add(
                "\(message) is taken by the status URLs", at: span,
                help: "DELETE <function>/status/<id> cancels a job; choose another path")
        }
        let place = Place(method: endpoint.method, shape: endpoint.path.shape)
        guard let other = taken[place] else {
            taken[place] = (function.name, span.line)
            return
        }
        // A name that is given twice has been told.
        guard other.function != function.name else { return }
        context.problems.add(
            "\(message) is already taken by \(other.function)", at: span,
            help: "\(other.function) is on line \(other.line); give one of them another path")
    }
}
