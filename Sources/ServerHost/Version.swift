/// Of the program; answers, `User-Agent` fields and `--version` carry it.
package enum Version {
    package static let number = "0.1.0"
}
