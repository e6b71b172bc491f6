internal import JobModel
internal import PayloadSchema

/// An exchange as it is stored: compact JSON, `{"s":200,"h":[["name","value"]],"b":"…","t":false,"m":[dns,connect,tls,
/// first byte,total]}`, times in microseconds.
enum ExchangeText {
    /// Header fields alone, as `[["name","value"]]`.
    static func bytes(of fields: [HeaderField]) -> [UInt8] {
        var bytes: [UInt8] = []
        write(fields, to: &bytes)
        return bytes
    }

    static func fields(_ bytes: [UInt8]) -> [HeaderField] { fields(try? JSONParser.parse(bytes)) }

    private static func write(_ fields: [HeaderField], to bytes: inout [UInt8]) {
        bytes.append(UInt8(ascii: "["))
        for (index, field) in fields.enumerated() {
            bytes.append(contentsOf: (index > 0 ? ",[" : "[").utf8)
            JSONValue.write(field.name, to: &bytes)
            bytes.append(UInt8(ascii: ","))
            JSONValue.write(field.value, to: &bytes)
            bytes.append(UInt8(ascii: "]"))
        }
        bytes.append(UInt8(ascii: "]"))
    }

    static func fields(_ value: JSONValue?) -> [HeaderField] {
        guard case .array(let fields)? = value else { return [] }
        return fields.compactMap { field in
            guard case .array(let pair) = field, pair.count == 2, let name = pair[0].string,
                let text = pair[1].string
            else { return nil }
            return HeaderField(name: name, value: text)
        }
    }

    static func bytes(of exchange: Exchange) -> [UInt8] {
        // Written straight into bytes: every attempt of an HTTP job passes here, in the writer's transaction.
        var bytes: [UInt8] = []
        bytes.reserveCapacity(exchange.body.utf8.count + 256)
        bytes.append(contentsOf: #"{"s":"#.utf8)
        bytes.append(contentsOf: (exchange.statusCode.map(String.init) ?? "null").utf8)
        bytes.append(contentsOf: #","h":"#.utf8)
        write(exchange.headers, to: &bytes)
        bytes.append(contentsOf: #","b":"#.utf8)
        JSONValue.write(exchange.body, to: &bytes)
        bytes.append(contentsOf: (exchange.isTruncated ? #","t":true,"m":["# : #","t":false,"m":["#).utf8)
        let timings = exchange.timings
        for (index, time) in [timings.dns, timings.connect, timings.tls, timings.firstByte, timings.total].enumerated()
        {
            if index > 0 { bytes.append(UInt8(ascii: ",")) }
            bytes.append(contentsOf: String(Int64(max(0, min(time * 1000, 1e15)))).utf8)
        }
        bytes.append(contentsOf: "]}".utf8)
        return bytes
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
