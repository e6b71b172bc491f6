internal import ArgumentParser
internal import FoundationEssentials
internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import PayloadSchema
internal import ServerHost

/// Where the server is and who asks: the options that every command towards a server has.
struct ServerOptions: ParsableArguments {
    @Option(help: "The server (SLUICE_URL, default: the one that server.json in the data folder names).")
    var server: String?

    @Option(
        help: """
            The data folder, for server.json and the admin token (SLUICE_DATA, default: here). Elsewhere the token is \
            SLUICE_TOKEN.
            """)
    var data: String?

    @Flag(help: "Print JSON for machines.")
    var json = false

    func connect() throws -> ServerConnection { try Self.connection(to: server, data: data) }

    /// - Parameters:
    ///   - server: nil for the one that the environment or the data folder names.
    ///   - data: nil for the one that the environment names, else this folder.
    static func connection(to server: String?, data: String?) throws -> ServerConnection {
        let environment = ProcessInfo.processInfo.environment
        func setting(_ name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }
        let folder = data ?? setting("SLUICE_DATA") ?? "."
        let named = server ?? setting("SLUICE_URL")
        var announced: AnnouncedServer?
        do throws(AnnouncedServer.Problem) {
            announced = try AnnouncedServer(in: folder)
        } catch {
            // Whoever names the server needs no server.json.
            if named == nil { throw CommandFailure(error.text, ExitStatus.notAllowed) }
        }
        guard let url = named ?? announced?.url else {
            throw CommandFailure(
                "no server is known: there is no server.json in \(folder == "." ? "this folder" : folder); "
                    + "start one with \"sluice serve\", or name it with --server, SLUICE_URL or --data",
                ExitStatus.unreachable)
        }
        guard let parts = URLComponents(string: url), parts.scheme == "http", let host = parts.host else {
            throw CommandFailure("\(url) is not an http URL, for example http://127.0.0.1:3000", ExitStatus.usage)
        }
        // A token that was given goes where its giver says, or to this machine: `announced` names nothing else.
        var token = setting("SLUICE_TOKEN") ?? setting("SLUICE_ADMIN_TOKEN")
        if token == nil, let announced, named.map(announced.isNamed) ?? true {
            // The one in the folder belongs to the server of the folder.
            do throws(AnnouncedServer.Problem) {
                token = try announced.adminToken()
            } catch {
                throw CommandFailure(error.text, ExitStatus.notAllowed)
            }
        }
        return ServerConnection(
            url: url, host: host.hasPrefix("[") ? String(host.dropFirst().dropLast()) : host, port: parts.port ?? 80,
            token: token)
    }
}

/// Why a command ends, and with which exit code.
struct CommandFailure: Error {
    var text: String
    var exit: ExitCode

    init(_ text: String, _ exit: ExitCode) {
        self.text = text
        self.exit = exit
    }
}

/// One request at a time to a server, each on a connection of its own.
struct ServerConnection: Sendable {
    struct Reply: Sendable {
        var status: Int
        var headers: HTTPHeaders
        var body: JSONValue

        var isSuccess: Bool { (200..<300).contains(status) }
    }

    let url: String
    let host: String
    let port: Int
    let token: String?

    /// Any answer; throws only when there is none.
    ///
    /// - Parameter onPiece: takes the body of a 2xx answer as it comes, instead of the reply.
    func send(
        _ method: HTTPMethod, _ path: String, headers extra: [(String, String)] = [], body: [UInt8]? = nil,
        onPiece: (@Sendable ([UInt8]) throws -> Void)? = nil
    ) async throws -> Reply {
        var head = HTTPRequestHead(version: .http1_1, method: method, uri: path)
        head.headers.add(name: "Host", value: host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)")
        head.headers.add(name: "Connection", value: "close")
        head.headers.add(name: "User-Agent", value: "sluice/\(Version.number)")
        if let token { head.headers.add(name: "Authorization", value: "Bearer \(token)") }
        for (name, value) in extra { head.headers.add(name: name, value: value) }
        if let body {
            head.headers.add(name: "Content-Type", value: "application/json")
            head.headers.add(name: "Content-Length", value: "\(body.count)")
        }
        do {
            return try await exchange(head, body, onPiece: onPiece)
        } catch let failure as CommandFailure {
            throw failure
        } catch {
            throw CommandFailure(
                "no answer from \(url): \(error); is the server running?", ExitStatus.unreachable)
        }
    }

    private func exchange(
        _ head: HTTPRequestHead, _ body: [UInt8]?, onPiece: (@Sendable ([UInt8]) throws -> Void)?
    ) async throws -> Reply {
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connectTimeout(.seconds(5))
            .connect(host: host, port: port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHTTPClientHandlers()
                    return try NIOAsyncChannel<HTTPClientResponsePart, HTTPClientRequestPart>(
                        wrappingChannelSynchronously: channel)
                }
            }
        return try await channel.executeThenClose { inbound, outbound in
            // In one go: a server that answers a head without a body at once has closed before a second write.
            var parts: [HTTPClientRequestPart] = [.head(head)]
            if let body { parts.append(.body(.byteBuffer(ByteBuffer(bytes: body)))) }
            try await outbound.write(contentsOf: parts + [.end(nil)])
            var reply = Reply(status: 0, headers: [:], body: .null)
            var bytes: [UInt8] = []
            for try await part in inbound {
                switch part {
                case .head(let head):
                    reply.status = Int(head.status.code)
                    reply.headers = head.headers
                case .body(let buffer):
                    if let onPiece, reply.isSuccess {
                        try onPiece(Array(buffer.readableBytesView))
                    } else {
                        bytes.append(contentsOf: buffer.readableBytesView)
                    }
                case .end:
                    reply.body = (try? JSONParser.parse(bytes)) ?? .null
                    return reply
                }
            }
            throw ChannelError.eof
        }
    }

    /// The body of a 2xx answer; anything else ends the command with the server's words.
    func call(_ method: HTTPMethod, _ path: String, body: JSONValue? = nil) async throws -> JSONValue {
        let reply = try await send(method, path, body: body?.bytes)
        if reply.isSuccess { return reply.body }
        throw Self.failure(reply, path)
    }

    /// Hands out the body of a 2xx answer as it comes.
    func download(_ path: String, to sink: @escaping @Sendable ([UInt8]) throws -> Void) async throws {
        let reply = try await send(.GET, path, onPiece: sink)
        guard reply.isSuccess else { throw Self.failure(reply, path) }
    }

    static func failure(_ reply: Reply, _ path: String) -> CommandFailure {
        let detail = reply.body["detail"]?.string ?? "the server answered \(reply.status) to \(path)"
        switch reply.status {
        case 401, 403:
            return CommandFailure(
                "\(detail) Run this in the server's data folder, or give --data or SLUICE_TOKEN.",
                ExitStatus.notAllowed)
        case 400, 413, 415, 422: return CommandFailure(detail, ExitStatus.badData)
        default: return CommandFailure(detail, ExitStatus.failure)
        }
    }
}

extension AsyncParsableCommand {
    /// Runs a command's work; a failure is told on stderr and becomes its exit code.
    func reporting(_ body: () async throws -> Void) async throws {
        do {
            try await body()
        } catch let failure as CommandFailure {
            Console.error("\(failure.text)")
            throw failure.exit
        }
    }
}
