internal import ArgumentParser
internal import PayloadSchema
internal import ServerHost

struct BackupCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "backup",
        abstract: "Writes a copy of the server's database, while it serves.",
        discussion: """
            The copy is of one moment: every job that was accepted before is in it, whole. FILE is there when it is complete.
            An earlier backup is replaced; any other file, and whatever belongs to a server, is refused.
            To restore it, stop the server, put the file in the database's place, remove the -wal and -shm files
            beside it, and start.

            EXAMPLES
              sluice backup sluice-$(date +%F).db
              sluice serve --database sqlite:sluice-2030-01-01.db
            """)

    @OptionGroup var options: ServerOptions
    @Argument(help: "The file to write.") var file: String

    func run() async throws {
        try await reporting {
            let server = try options.connect()
            let place = try writing { () throws(BackupRefusal) in try BackupPlace(file) }
            let target = try writing { () throws(BackupRefusal) in try NewFile(at: place) }
            try await server.download("/v1/backup?\(place.query)") { bytes in
                try writing { () throws(BackupRefusal) in try target.write(bytes) }
            }
            let bytes = try writing { () throws(BackupRefusal) in try target.commit() }
            if options.json {
                Console.json(["file": .string(file), "bytes": .integer(bytes)])
            } else {
                Console.line("\(file): \(bytes) bytes")
            }
        }
    }
}

/// What keeps a backup from being written, as the command's failure.
private func writing<Value>(_ body: () throws(BackupRefusal) -> Value) throws(CommandFailure) -> Value {
    do throws(BackupRefusal) {
        return try body()
    } catch {
        switch error.cause {
        case .place: throw CommandFailure(error.text, ExitStatus.badData)
        case .disk: throw CommandFailure(error.text, ExitStatus.failure)
        }
    }
}
