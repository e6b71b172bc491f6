/// A setting that a server cannot start with; the text names it and the fix.
package struct SettingsProblem: Error {
    package var text: String
}
