import Foundation
import PayloadSchema
import Synchronization
import TestClient
import Testing

/// The built binary under a wall clock that is set an hour back or ahead, and back again, while it works.
@Suite(.timeLimit(.minutes(3))) struct ClockTests {
    private static let hour: Int64 = 3600
    /// What lasts seconds may take so long where others have the processor too; a clock that counts takes an hour.
    private static let late = Duration.seconds(25)

    private static func manifest(_ receiver: RawServer? = nil) -> String {
        """
        version: 1
        server: {shutdownGrace: 1s}
        defaults: {retry: {jitter: none}}
        functions:
          quick: {handler: {builtin: echo, simulate: {duration: 300ms}}, endpoint: {auth: public}}
          hang:
            handler: {builtin: echo, simulate: {hang: true}}
            endpoint: {auth: public}
            timeout: 2s
            retry: {attempts: 1}
          endless: {handler: {builtin: echo, simulate: {hang: true}}, endpoint: {auth: public}, timeout: 10m}
          flaky:
            handler: {builtin: echo, simulate: {duration: 0s, failureRate: 1}}
            endpoint: {auth: public}
            retry: {attempts: 2, delay: 2s}
          waits: {handler: {builtin: echo}, endpoint: {auth: public}, maxWait: 2s, paused: true}
          limited:
            handler: {builtin: echo, simulate: {duration: 0s}}
            endpoint: {auth: public}
            rateLimit: {limit: 1, per: 6s}
          told:
            handler: {builtin: resize-image, simulate: {duration: 0s}}
            endpoint: {auth: public}
            onComplete: {url: "\(receiver?.url ?? "http://localhost")/hook"}
        """
    }

    private func server(_ clock: ShiftedClock, _ receiver: RawServer? = nil) async throws -> ServerProcess {
        try await ServerProcess(manifest: Self.manifest(receiver), environment: clock.environment)
    }

    private func set(_ clock: ShiftedClock, _ seconds: Int64, of server: ServerProcess) async throws {
        let times = server.log.components(separatedBy: "The wall clock was set").count
        try clock.set(seconds)
        try await offPool {
            // It looks every half second.
            let limit = ContinuousClock.now + .seconds(10)
            while server.log.components(separatedBy: "The wall clock was set").count == times {
                guard ContinuousClock.now < limit else { throw ShiftedClock.Unavailable() }
                Thread.sleep(forTimeInterval: 0.01)
            }
        }
    }

    /// When jobs have ended, counted from their acceptance by a clock that nobody sets.
    private func time(_ server: ServerProcess, _ url: String, since start: ContinuousClock.Instant) async throws
        -> (state: String?, took: Duration)
    {
        let reply = try await server.end(of: url, seconds: 120)
        return (reply["sluice-job-state"], ContinuousClock.now - start)
    }

    @Test(arguments: [-hour, hour]) func `What lasts seconds lasts seconds`(_ shift: Int64) async throws {
        let folder = try TemporaryFolder()
        let clock = try ShiftedClock(in: folder)
        let server = try await server(clock)
        let start = ContinuousClock.now
        let running = try await server.accept("/api/v1/quick")
        let hanging = try await server.accept("/api/v1/hang")
        let failing = try await server.accept("/api/v1/flaky")
        let waiting = try await server.accept("/api/v1/waits")
        let delayed = try await server.accept("/api/v1/quick", headers: ["Sluice-Delay: 2s"])
        try await set(clock, shift, of: server)
        for (url, state, least) in [
            (running, "completed", 0.3), (hanging, "deadLetter", 2), (failing, "deadLetter", 2),
            (waiting, "timeout", 2), (delayed, "completed", 2),
        ] {
            let (end, took) = try await time(server, url, since: start)
            #expect(end == state)
            #expect(took >= .seconds(least) && took < Self.late, "\(state): \(took)")
        }
        // New ones, and after the clock was set right again.
        for seconds in [shift, 0] {
            try clock.set(seconds)
            let start = ContinuousClock.now
            let delayed = try await server.accept("/api/v1/quick", headers: ["Sluice-Delay: 1s"])
            let (end, took) = try await time(server, delayed, since: start)
            #expect(end == "completed" && took >= .seconds(1) && took < Self.late, "\(took)")
        }
        #expect(try await server.get("/readyz").status == 200)
    }

    @Test(arguments: [-hour, hour]) func `A rate window is as long as its rule says`(_ shift: Int64) async throws {
        let folder = try TemporaryFolder()
        let clock = try ShiftedClock(in: folder)
        let server = try await server(clock)
        func retryAfter() async throws -> Int? {
            let reply = try await server.post("/api/v1/limited", "{}")
            guard reply.status == 429 else { return nil }
            return Int(reply["retry-after"] ?? "")
        }
        let start = ContinuousClock.now
        #expect(try await retryAfter() == nil)
        for seconds in [shift, 0, shift] {
            try clock.set(seconds)
            #expect((1...6).contains(try await retryAfter() ?? 0))
        }
        while try await retryAfter() != nil {
            try #require(ContinuousClock.now - start < Self.late)
            try await Task.sleep(for: .milliseconds(100))
        }
        #expect(ContinuousClock.now - start >= .seconds(6))
    }

    @Test(arguments: [-hour, hour]) func `SIGTERM ends it within its grace time`(_ shift: Int64) async throws {
        let folder = try TemporaryFolder()
        let clock = try ShiftedClock(in: folder)
        let server = try await server(clock)
        let url = try await server.accept("/api/v1/endless")
        _ = try await server.accept("/api/v1/quick", headers: ["Sluice-Delay: 1h"])
        let state = try await server.get(url + "?wait=5")
        #expect(state["sluice-job-state"] == "inFlight")
        server.signal(SIGTERM)
        try await server.waitForLog("Waiting for running attempts")
        try clock.set(shift)
        let start = ContinuousClock.now
        #expect(try await server.waitForExit(seconds: 60) == 0)
        #expect(ContinuousClock.now - start < Self.late)
    }

    @Test(arguments: [-hour, hour, 24 * hour]) func `A webhook under way is sent once`(_ shift: Int64) async throws {
        let isOpen = Mutex(false)
        let first = Mutex<String?>(nil)
        // The first job's webhook hangs until the test lets it go.
        let receiver = try RawServer { peer in
            while true {
                let request = try peer.request()
                let job = Self.job(in: request)
                let isFirst = first.withLock { first in
                    first = first ?? job
                    return first == job
                }
                while isFirst, !isOpen.withLock({ $0 }) { Thread.sleep(forTimeInterval: 0.01) }
                try peer.send("HTTP/1.1 204 X\r\n\r\n")
            }
        }
        let folder = try TemporaryFolder()
        let clock = try ShiftedClock(in: folder)
        let server = try await server(clock, receiver)
        func webhooks(_ count: Int) async throws {
            try await offPool {
                let limit = ContinuousClock.now + Self.late
                while receiver.requests.count < count {
                    guard ContinuousClock.now < limit else { throw ShiftedClock.Unavailable() }
                    Thread.sleep(forTimeInterval: 0.01)
                }
            }
        }
        _ = try await server.accept("/api/v1/told")
        try await webhooks(1)
        for (index, seconds) in [shift, 0].enumerated() {
            try await set(clock, seconds, of: server)
            // What is due is looked for when the next one comes, and whatever is due comes with it.
            for number in 1...3 {
                _ = try await server.accept("/api/v1/told")
                try await webhooks(1 + 3 * index + number)
            }
        }
        isOpen.withLock { $0 = true }
        #expect(receiver.requests.count == 7)
        #expect(Set(receiver.requests.map(Self.job)).count == 7)
    }

    private static func job(in request: String) -> String? {
        request.firstMatch(of: /"jobId":"([^"]+)"/).map { String($0.1) }
    }

    @Test func `A time that is named comes when the wall clock says so`() async throws {
        let folder = try TemporaryFolder()
        let clock = try ShiftedClock(in: folder)
        let server = try await server(clock)
        func accept(in seconds: Int64) async throws -> (url: String, time: String) {
            let milliseconds = Int64(Date().timeIntervalSince1970 * 1000) + seconds * 1000
            let url = try await server.accept("/api/v1/quick", headers: ["Sluice-Not-Before: \(milliseconds)"])
            return (url, try #require(try await server.get(url).json["runAt"]?.string))
        }
        let soon = try await accept(in: 4)
        let far = try await accept(in: Self.hour)
        try await set(clock, -Self.hour, of: server)
        // It would have come by now.
        let marker = try await server.accept("/api/v1/quick", headers: ["Sluice-Delay: 5s"])
        #expect(try await server.end(of: marker).status == 200)
        let waiting = try await server.get(soon.url)
        #expect(waiting["sluice-job-state"] == "pending" && waiting.json["runAt"]?.string == soon.time)
        try clock.set(0)
        #expect(try await server.end(of: soon.url, seconds: 30).status == 200)
        #expect(try await server.get(far.url).json["runAt"]?.string == far.time)
        try clock.set(Self.hour + 1)
        #expect(try await server.end(of: far.url, seconds: 30).status == 200)
    }

    @Test(arguments: [-hour, hour]) func `A restart goes on where the former process was`(_ shift: Int64) async throws {
        let folder = try TemporaryFolder()
        let clock = try ShiftedClock(in: folder)
        let first = try await server(clock)
        try await set(clock, shift, of: first)
        let start = ContinuousClock.now
        let delayed = try await first.accept("/api/v1/quick", headers: ["Sluice-Delay: 6s"])
        first.signal(SIGTERM)
        #expect(try await first.waitForExit() == 0)
        let next = try await ServerProcess(
            manifest: Self.manifest(), folder: first.folder, environment: clock.environment)
        let (end, took) = try await time(next, delayed, since: start)
        #expect(end == "completed" && took >= .seconds(6) && took < Self.late, "\(took)")
    }

    @Test func `The command line's waits go by no wall clock`() async throws {
        let folder = try TemporaryFolder()
        let clock = try ShiftedClock(in: folder)
        let server = try await server(clock)
        let start = ContinuousClock.now
        let program = try Program(
            ["invoke", "endless", "--wait", "--timeout", "4"], folder: server.folder, environment: clock.environment)
        // Once it waits.
        while try await !server.get("/metrics").text.contains("sluice_waiters 1\n") {
            try #require(ContinuousClock.now - start < Self.late)
        }
        try clock.set(-Self.hour)
        let status = try await offPool { program.waitForExit(seconds: 60) }
        #expect(status == 75)
        #expect(ContinuousClock.now - start < Self.late)
    }

    /// Without it nothing above would prove anything: a wait as Dispatch makes it, under the same library.
    @Test func `Control: a wait until a time of the wall clock is longer when that is set back`() async throws {
        let folder = try TemporaryFolder()
        let clock = try ShiftedClock(in: folder)
        try folder.write(
            """
            #include <semaphore.h>
            #include <stdio.h>
            #include <time.h>
            #include <unistd.h>
            int main(void) {
                sem_t never;
                struct timespec limit;
                sem_init(&never, 0, 0);
                clock_gettime(CLOCK_REALTIME, &limit);
                limit.tv_sec += 1;
                puts("waiting");
                fflush(stdout);
                while (access("go", F_OK) != 0) usleep(1000);
                sem_timedwait(&never, &limit);
                return 0;
            }
            """, to: "control.c")
        let binary = folder.file("control")
        try ShiftedClock.compile([folder.file("control.c"), "-o", binary])
        let start = ContinuousClock.now
        let program = try Program([], folder: folder, environment: clock.environment, binary: binary)
        #expect(try await offPool { program.waitForOutput(lines: 1, seconds: 10) })
        try clock.set(-3)
        try folder.write("", to: "go")
        #expect(try await offPool { program.waitForExit(seconds: 30) } == 0)
        // However slow the machine is: the limit is a second after the start at least, and three more by the clock.
        #expect(ContinuousClock.now - start >= .seconds(4))
    }
}
