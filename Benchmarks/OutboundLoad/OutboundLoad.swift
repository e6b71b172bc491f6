import FoundationEssentials
import Glibc
import Outbound

/// POSTs through the Outbound layer alone: the next one as soon as one is answered. Prints how many were answered with 200
/// and the seconds of CPU that this process used.
///
///     OutboundLoad URL CONCURRENCY SECONDS [SILENT-URL COUNT]
///
/// COUNT requests to SILENT-URL wait for an answer all the while.
@main
enum OutboundLoad {
    static func main() async {
        let arguments = CommandLine.arguments
        guard arguments.count >= 4, let concurrency = Int(arguments[2]), let seconds = Double(arguments[3]) else {
            print("usage: OutboundLoad URL CONCURRENCY SECONDS [SILENT-URL COUNT]")
            exit(64)
        }
        var limit = rlimit(rlim_cur: 65_536, rlim_max: 65_536)
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        let outbound = Outbound(policy: .anywhere)
        let url = arguments[1]
        let silent = arguments.count > 5 ? arguments[4] : ""
        let hanging = (0..<(arguments.count > 5 ? Int(arguments[5]) ?? 0 : 0)).map { _ in
            Task { await outbound.send(OutboundRequest(method: "POST", url: silent, timeout: .seconds(600))) }
        }
        if !hanging.isEmpty { try? await Task.sleep(for: .seconds(1)) }
        let before = cpu()
        let end = ContinuousClock.now + .seconds(seconds)
        let answered = await withTaskGroup(of: Int.self) { group in
            for _ in 0..<concurrency {
                group.addTask {
                    var answered = 0
                    while ContinuousClock.now < end {
                        let request = OutboundRequest(
                            method: "POST", url: url, headers: [("Content-Type", "application/json")],
                            body: Array("{}".utf8), timeout: .seconds(10))
                        if await outbound.send(request).answer?.status == 200 { answered += 1 }
                    }
                    return answered
                }
            }
            var sum = 0
            for await count in group { sum += count }
            return sum
        }
        print(answered, cpu() - before)
        for task in hanging { task.cancel() }
    }

    /// Seconds of CPU, in user and kernel.
    private static func cpu() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
}
