internal import ArgumentParser
internal import FunctionManifest

struct SchemaCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "schema",
        abstract: "Prints a JSON Schema of the manifest, for editors.",
        discussion: """
            Editors with a YAML language server complete and check a manifest that begins with
              # yaml-language-server: $schema=functions.schema.json
            A running server has it at /schema/functions.schema.json.

            EXAMPLE
              sluice schema > functions.schema.json
            """)

    func run() { Console.json(EditorSchema.value) }
}
