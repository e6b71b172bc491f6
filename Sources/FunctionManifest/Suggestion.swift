/// "did you mean …" for misspelt words.
enum Suggestion {
    /// The candidate nearest to `word`, when it is near: at most a third of its letters wrong.
    static func nearest(to word: String, among candidates: [String]) -> String? {
        guard word.count <= 64 else { return nil }
        let scored = candidates.map { ($0, distance(Array(word.lowercased()), Array($0.lowercased()))) }
        guard let (best, score) = scored.min(by: { $0.1 < $1.1 }) else { return nil }
        return score <= max(1, best.count / 3) ? best : nil
    }

    /// Help for an unknown word: the nearest candidate, and all of them when they are few.
    static func help(for word: String, among candidates: [String]) -> String {
        let guess = nearest(to: word, among: candidates).map { "did you mean \"\($0)\"?" }
        return [guess, all(candidates)].compactMap { $0 }.joined(separator: " ")
    }

    /// All of them when they are few; for words that may not be told, nor which is near to them.
    static func all(_ candidates: [String]) -> String? {
        candidates.count <= 24 ? "one of: \(candidates.joined(separator: ", "))" : nil
    }

    /// Optimal string alignment distance: insertions, deletions, substitutions and swaps of neighbours.
    static func distance(_ left: [Character], _ right: [Character]) -> Int {
        var rows = [Array(0...right.count)]
        for (i, character) in left.enumerated() {
            var row = [i + 1]
            for (j, other) in right.enumerated() {
                var best = min(rows[i][j + 1] + 1, row[j] + 1, rows[i][j] + (character == other ? 0 : 1))
                if i > 0, j > 0, character == right[j - 1], left[i - 1] == other {
                    best = min(best, rows[i - 1][j - 1] + 1)
                }
                row.append(best)
            }
            rows.append(row)
        }
        return rows[left.count][right.count]
    }
}
