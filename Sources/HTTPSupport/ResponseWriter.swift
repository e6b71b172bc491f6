internal import JobModel
internal import NIOCore
internal import NIOHTTP1

/// Writes heads of responses (RFC 9112, sections 4 and 6).
enum ResponseWriter {
    /// What the bytes after the head are.
    enum Framing {
        case length(Int)
        case chunked
    }

    static func writeHead(
        _ response: ServerResponse, _ framing: Framing, further: [UInt8], closes: Bool, into buffer: inout ByteBuffer
    ) {
        buffer.writeStaticString("HTTP/1.1 ")
        buffer.writeString(statusLine(response.status))
        for (name, value) in response.headers where HTTPHeaderRules.isValue(value) {
            // No line break goes out, whatever a value was made of.
            buffer.writeString(name)
            buffer.writeStaticString(": ")
            buffer.writeString(value)
            buffer.writeStaticString("\r\n")
        }
        buffer.writeBytes(response.fields)
        buffer.writeBytes(further)
        buffer.writeStaticString("X-Content-Type-Options: nosniff\r\n")
        DateField.write(into: &buffer)
        switch framing {
        case .length where response.status == 204 || response.status == 304: break
        case .length(let length):
            buffer.writeStaticString("Content-Length: ")
            buffer.writeString(String(length))
            buffer.writeStaticString("\r\n")
        case .chunked: buffer.writeStaticString("Transfer-Encoding: chunked\r\n")
        }
        if closes { buffer.writeStaticString("Connection: close\r\n") }
        buffer.writeStaticString("\r\n")
    }

    static func writeChunk(_ bytes: [UInt8], into buffer: inout ByteBuffer) {
        // An empty one would end the body.
        guard !bytes.isEmpty else { return }
        buffer.writeString(String(bytes.count, radix: 16))
        buffer.writeStaticString("\r\n")
        buffer.writeBytes(bytes)
        buffer.writeStaticString("\r\n")
    }

    static func writeEnd(into buffer: inout ByteBuffer) { buffer.writeStaticString("0\r\n\r\n") }

    private static func statusLine(_ status: Int) -> String {
        if status == 202 { return "202 Accepted\r\n" }
        if status == 200 { return "200 OK\r\n" }
        return "\(status) \(HTTPStatus(status).text)\r\n"
    }
}
