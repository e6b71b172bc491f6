internal import NIOHTTP1

/// Status codes in NIO's words.
enum HTTPStatus {
    static func phrase(_ status: Int) -> String { HTTPResponseStatus(statusCode: status).reasonPhrase }

    static func of(_ status: Int) -> HTTPResponseStatus { HTTPResponseStatus(statusCode: status) }
}
