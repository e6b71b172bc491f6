internal import ArgumentParser
internal import FoundationEssentials
internal import FunctionManifest
internal import Glibc
internal import ServerHost

struct InitCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "init",
        abstract: "Writes a commented functions.yaml and a .gitignore to begin with.",
        discussion: """
            Nothing that is there is written over.

            EXAMPLES
              sluice init && sluice dev
              sluice init my-project
            """)

    @Argument(help: "The folder; made when it is not there.") var folder = "."

    func run() async throws {
        try await reporting {
            let manager = FileManager.default
            do {
                try manager.createDirectory(atPath: folder, withIntermediateDirectories: true)
            } catch {
                throw CommandFailure("cannot make the folder \(folder)", ExitStatus.failure)
            }
            let manifest = PathText.join(folder, "functions.yaml")
            guard !manager.fileExists(atPath: manifest) else {
                throw CommandFailure(
                    "\(manifest) is there already; name another folder, or look it over with \"sluice check\"",
                    ExitStatus.failure)
            }
            try write(Starter.manifest, to: manifest)
            Console.line("wrote \(manifest)")
            let ignore = PathText.join(folder, ".gitignore")
            if manager.fileExists(atPath: ignore) {
                Console.note("\(ignore) is there already; it should have:\n\(laidOut: Starter.ignored)")
            } else {
                try write(Starter.ignored, to: ignore)
                Console.line("wrote \(ignore)")
            }
            Console.note("Start it with: \(folder == "." ? "" : "cd '\(folder)' && ")sluice dev")
        }
    }

    private func write(_ text: String, to path: String) throws {
        // Exclusively: somebody may have made it in between.
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw CommandFailure("cannot write \(path)", ExitStatus.failure) }
        defer { close(descriptor) }
        let bytes = Array(text.utf8)
        guard bytes.withUnsafeBytes({ Glibc.write(descriptor, $0.baseAddress, $0.count) }) == bytes.count else {
            throw CommandFailure("cannot write \(path)", ExitStatus.failure)
        }
    }
}

/// What `sluice init` writes.
private enum Starter {
    /// Secrets and data of a server that runs here.
    static let ignored = """
        *.db
        *.db-shm
        *.db-wal
        *.db.lock
        admin-token
        server-key
        server.json
        .env

        """

    static let manifest = """
        # yaml-language-server: $schema=http://localhost:3000\(EditorSchema.path)
        # Everything that Sluice runs is declared here. Save it while "sluice dev" runs, and it is in force.
        version: 1

        # For every function; what a function says itself wins, key by key.
        defaults:
          timeout: 30s          # one attempt
          retry:
            attempts: 4         # the first try included
            backoff: exponential
            delay: 2s           # 2s, 4s, 8s, …

        functions:
          # POST /api/v1/send-email answers 202 with a status URL; the job takes about two seconds. Try it:
          #   curl -i --json '{"to":"a@example.com"}' localhost:3000/api/v1/send-email
          send-email:
            summary: Simulates sending an e-mail
            handler:
              builtin: send-email         # or generate-report, resize-image, echo
              # Make it fail on purpose, to see what your client does:
              # simulate: {failureRate: 0.5, status: 503}
            endpoint:
              auth: public                # anybody may call it; without this line a token is needed
            rateLimit: {limit: 60, per: 1m, key: ip}   # so often from one address
            # When a job has ended, tell this URL. "sluice dev" shows what arrives at localhost:3000/dev/sink/mail
            # onComplete: {url: "http://localhost:3000/dev/sink/mail", secret: "${HOOK_SECRET:-only for trying things out}"}

          # One HTTP request an attempt: take away the "#" and put your own URL in.
          # import-order:
          #   handler:
          #     http:
          #       url: https://orders.example.com/import/{parameters.orderId}
          #       headers: {Authorization: "Bearer ${ORDERS_TOKEN}"}
          #   endpoint: {path: "orders/{orderId}/import"}
          #   timeout: 10s

        """
}
