internal import ArgumentParser
internal import Foundation
internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import PayloadSchema
internal import ServerHost

/// Where the server is and who asks: the options that every command towards a server has.
struct ServerOptions: ParsableArguments {
    @Option(help: "The server (SLUICE_URL, default: the one that server.json in the data folder names).")
    var server: String?

    @Option(help: "The data folder, for server.json and the admin token (SLUICE_DATA, default: here).")
    var data: String?

    @Flag(help: "Print JSON for machines.")
    var json = false

    func connect() throws -> ServerConnection { try Self.connection(to: server, data: data) }

    /// "localhost" is what people write, 127.0.0.1 what a server announces.
    private static func sameServer(_ named: String?, _ announced: String?) -> Bool {
        func plain(_ url: String?) -> String? {
            url.map { $0.replacing("//localhost", with: "//127.0.0.1") }.map {
                $0.hasSuffix("/") ? String($0.dropLast()) : $0
            }
        }
        return announced != nil && plain(named) == plain(announced)
    }

    /// - Parameters:
    ///   - server: nil for the one that the environment or the data folder names.
    ///   - data: nil for the one that the environment names, else this folder.
    static func connection(to server: String?, data: String?) throws -> ServerConnection {
        let environment = ProcessInfo.processInfo.environment
        let folder = data ?? environment["SLUICE_DATA"] ?? "."
        func file(_ name: String) -> String? {
            FileManager.default.contents(atPath: (folder as NSString).appendingPathComponent(name))
                .map { String(decoding: $0, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines) }
        }
        let announced = file("server.json").flatMap { try? JSONParser.parse($0) }?["url"]?.string
        let named = server ?? environment["SLUICE_URL"]
        guard let url = named ?? announced else {
            throw CommandFailure(
                "no server is known: there is no server.json in \(folder == "." ? "this folder" : folder); "
                    + "start one with \"sluice serve\", or name it with --server, SLUICE_URL or --data",
                ExitStatus.unreachable)
        }
        guard let parts = URLComponents(string: url), parts.scheme == "http", let host = parts.host else {
            throw CommandFailure("\(url) is no http URL, for example http://127.0.0.1:3000", ExitStatus.usage)
        }
        // The token in this folder belongs to the server of this folder, unless the folder was named.
        let isOurs = named == nil || sameServer(named, announced) || data != nil
        return ServerConnection(
            url: url, host: host.trimmingCharacters(in: ["[", "]"]), port: parts.port ?? 80,
            token: environment["SLUICE_ADMIN_TOKEN"] ?? (isOurs ? file("admin-token") : nil))
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
                "\(detail) Run this in the server's data folder, or give --data or SLUICE_ADMIN_TOKEN.",
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
