/// A number of bytes for people, in powers of a thousand: `999 B`, `1.2 GB`, `345 MB`.
public func readableSize(_ bytes: Int64) -> String {
    if bytes < 1000 { return "\(bytes) B" }
    var value = Double(bytes)
    for unit in ["kB", "MB", "GB", "TB"] {
        value /= 1000
        if value < 999.5 || unit == "TB" {
            let tenths = Int((value * 10).rounded())
            return value < 99.95 ? "\(tenths / 10).\(tenths % 10) \(unit)" : "\(Int(value.rounded())) \(unit)"
        }
    }
    return ""
}
