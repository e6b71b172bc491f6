import Foundation

/// One line of the report.
struct Figure {
    var name: String
    var reached: String
    /// What it should be; nil for what is only told.
    var wanted: String?
    var isMet = true

    static func ratio(_ name: String, _ value: Double, atLeast limit: Double, _ detail: String) -> Figure {
        Figure(
            name: name, reached: "\(format(value, 2)) (\(detail))", wanted: "at least \(format(limit, 2))",
            isMet: value >= limit)
    }

    static func atMost(_ name: String, _ value: Double, _ limit: Double, _ detail: String) -> Figure {
        Figure(
            name: name, reached: "\(format(value, 2)) (\(detail))", wanted: "at most \(format(limit, 2))",
            isMet: value <= limit)
    }

    static func below(_ name: String, _ value: Double, _ limit: Double, unit: String, digits: Int = 1) -> Figure {
        Figure(
            name: name, reached: "\(format(value, digits)) \(unit)", wanted: "below \(format(limit, 0)) \(unit)",
            isMet: value < limit)
    }

    static func told(_ name: String, _ reached: String) -> Figure { Figure(name: name, reached: reached, wanted: nil) }
}

/// With thousands told apart.
func format(_ value: Double, _ digits: Int) -> String {
    let text = String(format: "%.\(digits)f", value)
    var whole = text.prefix { $0 != "." }
    let rest = text.dropFirst(whole.count)
    var groups: [Substring] = []
    while whole.count > 3 {
        groups.insert(whole.suffix(3), at: 0)
        whole = whole.dropLast(3)
    }
    return ([whole] + groups).joined(separator: ",") + rest
}

func median(_ values: [Double]) -> Double { values.isEmpty ? 0 : values.sorted()[values.count / 2] }

/// Markdown, as README shows it.
enum Report {
    static func text(_ figures: [Figure], version: String) -> String {
        var lines = [
            "\(machine()), \(Date().formatted(.iso8601.year().month().day())), sluice \(version)", "",
            "| figure | reached | wanted |", "| --- | --- | --- |",
        ]
        for figure in figures {
            let mark = figure.isMet ? "" : " **not reached**"
            lines.append("| \(figure.name) | \(figure.reached)\(mark) | \(figure.wanted ?? "") |")
        }
        return lines.joined(separator: "\n")
    }

    private static func machine() -> String {
        let text = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
        let model = text.split(separator: "\n").first { $0.hasPrefix("model name") }
            .flatMap { $0.split(separator: ":").last }.map { $0.trimmingCharacters(in: .whitespaces) }
        let kernel = (try? String(contentsOfFile: "/proc/sys/kernel/osrelease", encoding: .utf8)) ?? ""
        return "\(ProcessInfo.processInfo.activeProcessorCount) cores of \(model ?? "an unknown processor"), "
            + "Linux \(kernel.prefix { $0.isNumber || $0 == "." })"
    }
}
