package import JobModel
internal import PayloadSchema
private import Synchronization

/// What answers a route, with the values of the path's parameters.
package typealias RouteHandler = @Sendable (ServerRequest, RouteContext) async throws -> ServerReply

/// What the front door found out about a request.
package struct RouteContext: Sendable {
    package var requestID: String
    package var parameters: [(name: String, value: String)]
    /// The client's address, through trusted proxies.
    package var clientAddress: String

    package init(requestID: String, parameters: [(name: String, value: String)], clientAddress: String) {
        self.requestID = requestID
        self.parameters = parameters
        self.clientAddress = clientAddress
    }

    package func parameter(_ name: String) -> String? { parameters.first { $0.name == name }?.value }
}

package struct Route: Sendable {
    package var method: String
    package var pattern: PathPattern
    package var handler: RouteHandler

    package init(_ method: String, _ pattern: PathPattern, _ handler: @escaping RouteHandler) {
        self.method = method
        self.pattern = pattern
        self.handler = handler
    }
}

/// All routes as one value. Of two patterns that match, the one with the earlier literal wins.
package struct RouteTable: Sendable {
    package enum Match: Sendable {
        case found(RouteHandler, parameters: [(name: String, value: String)])
        case methodNotAllowed(allowed: [String])
        case notFound
    }

    private struct Target: Sendable {
        var names: [String]
        var handler: RouteHandler
    }

    private struct Node: Sendable {
        /// By their bytes: no other spelling of a literal leads to its routes.
        var literals: [MemberName: Int] = [:]
        var parameter: Int?
        var targets: [String: Target] = [:]
    }

    private var nodes = [Node()]

    package init(_ routes: [Route]) {
        for route in routes { add(route) }
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
        nodes[current].targets[route.method] = Target(names: names, handler: route.handler)
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
                return .found(target.handler, parameters: zip(target.names, values).map { ($0, $1) })
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

/// The routes in force; replaced whole at a reload.
package final class Routes: Sendable {
    private let table: Mutex<RouteTable>

    package init(_ table: RouteTable) {
        self.table = Mutex(table)
    }

    package var current: RouteTable { table.withLock { $0 } }

    /// - Returns: the former table, to be let go where nobody waits for it: every request passes the lock.
    @discardableResult package func replace(with table: RouteTable) -> RouteTable {
        self.table.withLock { current in
            let former = current
            current = table
            return former
        }
    }
}
