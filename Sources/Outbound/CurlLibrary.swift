private import CCurl
private import Glibc
private import Hashing

/// libcurl as a whole.
enum CurlLibrary {
    /// At its start libcurl opens the file that this variable names and writes the keys of every TLS connection there: whoever
    /// can set a variable of a server could read all that it sends. To be called before `isReady`, while few threads run:
    /// another one may be reading the environment.
    static let keepsKeys: Bool = unsetenv("SSLKEYLOGFILE") == 0

    /// libcurl wants this once, before any thread uses it. It sets up libcrypto, if nobody has by then.
    static let isReady: Bool = {
        _ = keepsKeys
        LibCrypto.prepare()
        return curl_global_init(Int(CURL_GLOBAL_DEFAULT)) == CURLE_OK
    }()
}
