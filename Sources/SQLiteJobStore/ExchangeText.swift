internal import JobModel
internal import PayloadSchema

/// An exchange as it is stored: compact JSON, `{"s":200,"h":[["name","value"]],"b":"…","t":false,"m":[dns,connect,tls,
/// first byte,total]}`, times in microseconds.
enum ExchangeText {
    /// Header fields alone, as `[["name","value"]]`.
    static func bytes(of fields: [HeaderField]) -> [UInt8] { value(of: fields).bytes }

    static func fields(_ bytes: [UInt8]) -> [HeaderField] { fields(try? JSONParser.parse(bytes)) }

    private static func value(of fields: [HeaderField]) -> JSONValue {
        .array(fields.map { .array([.string($0.name), .string($0.value)]) })
    }

    private static func fields(_ value: JSONValue?) -> [HeaderField] {
        guard case .array(let fields)? = value else { return [] }
        return fields.compactMap { field in
            guard case .array(let pair) = field, pair.count == 2, let name = pair[0].string,
                let text = pair[1].string
            else { return nil }
            return HeaderField(name: name, value: text)
        }
    }

    static func bytes(of exchange: Exchange) -> [UInt8] {
        let timings = exchange.timings
        let value: JSONValue = [
            "s": exchange.statusCode.map { .integer($0) } ?? .null,
            "h": value(of: exchange.headers),
            "b": .string(exchange.body), "t": .bool(exchange.isTruncated),
            "m": .array(
                [timings.dns, timings.connect, timings.tls, timings.firstByte, timings.total].map {
                    .integer(Int64(max(0, min($0 * 1000, 1e15))))
                }),
        ]
        return value.bytes
    }

    /// nil for what this version does not understand: the attempt is told without it.
    static func exchange(_ bytes: [UInt8]) -> Exchange? {
        guard let value = try? JSONParser.parse(bytes), let body = value["b"]?.string else { return nil }
        var exchange = Exchange(statusCode: value["s"]?.integer.map { Int($0) }, body: body)
        exchange.isTruncated = value["t"] == true
        exchange.headers = fields(value["h"])
        if case .array(let times)? = value["m"], times.count == 5 {
            let milliseconds = times.map { Double($0.integer ?? 0) / 1000 }
            exchange.timings = Exchange.Timings(
                dns: milliseconds[0], connect: milliseconds[1], tls: milliseconds[2], firstByte: milliseconds[3],
                total: milliseconds[4])
        }
        return exchange
    }
}
