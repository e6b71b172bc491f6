/// Of the program; answers, `User-Agent` fields and `--version` carry it.
enum Version {
    static let number = "0.1.0"
}
