internal import JobModel
internal import PayloadSchema

/// All routes as one value. Of two patterns that match, the one with the earlier literal wins.
package struct RouteTable: Sendable {
    package enum Match: Sendable {
        case found(Route, parameters: [(name: String, value: String)])
        case methodNotAllowed(allowed: [String])
        case notFound
    }

    private struct Target: Sendable {
        var names: [String]
        var route: Route
    }

    private struct Node: Sendable {
        /// By their bytes: no other spelling of a literal leads to its routes.
        var literals: [MemberName: Int] = [:]
        var parameter: Int?
        var targets: [String: Target] = [:]
    }

    private var nodes = [Node()]
    /// Nodes of patterns without parameters, by their whole path: most requests need no more.
    private var whole: [MemberName: Int] = [:]

    package let routes: [Route]

    package init(_ routes: [Route]) {
        self.routes = routes
        for route in routes { add(route) }
    }

    /// The route of a path that stands in it as it was sent; nil says nothing.
    func route(method: String, rawPath: String) -> Route? {
        whole[MemberName(rawPath)].flatMap { nodes[$0].targets[method]?.route }
    }

    private mutating func add(_ route: Route) {
        var current = 0
        var names: [String] = []
        for segment in route.pattern.segments {
            let next: Int
            switch segment {
            case .literal(let text):
                if let known = nodes[current].literals[MemberName(text)] {
                    next = known
                } else {
                    next = append()
                    nodes[current].literals[MemberName(text)] = next
                }
            case .parameter(let name):
                names.append(name)
                if let known = nodes[current].parameter {
                    next = known
                } else {
                    next = append()
                    nodes[current].parameter = next
                }
            }
            current = next
        }
        if names.isEmpty { whole[MemberName("/" + route.pattern.description)] = current }
        nodes[current].targets[route.method] = Target(names: names, route: route)
    }

    private mutating func append() -> Int {
        nodes.append(Node())
        return nodes.count - 1
    }

    package func match(method: String, segments: [String]) -> Match {
        var found: [(node: Int, values: [String])] = []
        collect(segments[...], from: 0, values: [], into: &found)
        for (node, values) in found {
            // HEAD is answered as GET without its body (RFC 9110, section 9.3.2).
            let target = nodes[node].targets[method] ?? (method == "HEAD" ? nodes[node].targets["GET"] : nil)
            if let target {
                return .found(target.route, parameters: zip(target.names, values).map { ($0, $1) })
            }
        }
        var allowed = Set(found.flatMap { nodes[$0.node].targets.keys })
        guard !allowed.isEmpty else { return .notFound }
        if allowed.contains("GET") { allowed.insert("HEAD") }
        allowed.insert("OPTIONS")
        return .methodNotAllowed(allowed: allowed.sorted())
    }

    /// Every node with targets that the segments lead to, literals first. Paths have at most 32 segments.
    private func collect(
        _ segments: ArraySlice<String>, from node: Int, values: [String],
        into found: inout [(node: Int, values: [String])]
    ) {
        guard let segment = segments.first else {
            if !nodes[node].targets.isEmpty { found.append((node, values)) }
            return
        }
        if let next = nodes[node].literals[MemberName(segment)] {
            collect(segments.dropFirst(), from: next, values: values, into: &found)
        }
        if let next = nodes[node].parameter {
            collect(segments.dropFirst(), from: next, values: values + [segment], into: &found)
        }
    }
}
