import Foundation

/// What an idle server takes up, and one that holds ten thousand long polls.
enum MemoryBench {
    private static let polls = 10_000

    static func run(_ bench: Bench) throws -> [Figure] {
        say("starting, idle memory")
        var starts: [Double] = []
        for _ in 0..<5 {
            let server = try bench.server()
            starts.append(server.secondsToReady * 1000)
            server.stop()
        }
        let server = try bench.server()
        defer { server.stop() }
        Thread.sleep(forTimeInterval: 3)
        let idle = server.memory
        var figures: [Figure] = [
            .below("start to ready, empty", median(starts), 1000, unit: "ms", digits: 0),
            .below("resident memory, idle", idle.resident, 32, unit: "MiB"),
            .below("anonymous memory, idle", idle.anonymous, 16, unit: "MiB"),
        ]

        say("\(polls) held long polls")
        let accepted = try server.call("POST", "/api/v1/accept", body: "{}", asNobody: true)
        guard let url = accepted.firstMatch(of: /"statusUrl":"([^"]+)"/)?.output.1 else {
            throw Server.Failure(description: "not accepted: \(accepted)")
        }
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        limit.rlim_cur = limit.rlim_max
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        let request = Array("GET \(url)?wait=25 HTTP/1.1\r\nHost: localhost:\(server.port)\r\n\r\n".utf8)
        var sockets: [Socket] = []
        for _ in 0..<polls {
            let socket = try Socket(port: server.port)
            try socket.send(request)
            sockets.append(socket)
        }
        try server.wait("sluice_waiters", { $0 >= Double(polls) }, seconds: 20)
        figures.append(
            .below(
                "resident memory that \(format(Double(polls), 0)) long polls add",
                server.memory.resident - idle.resident,
                90, unit: "MiB"))
        let start = Clock.now()
        for socket in sockets { socket.close() }
        try server.wait("sluice_waiters", { $0 == 0 }, seconds: 30)
        figures.append(
            .below(
                "their release after all have disconnected", (Clock.now() - start) * 1000, 1000, unit: "ms", digits: 0))
        return figures
    }
}
