import Linux
import Testing

@Suite struct `A written amount` {
    @Test(arguments: [
        ("0", 0), ("90", 90), ("90s", 90), ("30m", 1800), ("12h", 43_200), ("7d", 604_800), ("12:00:00", 43_200),
        ("0:00:01", 1), ("100:59:59", 363_599), ("3650d", 315_360_000),
    ])
    func `of time is understood`(text: String, seconds: Int64) {
        #expect(Instant.Span(written: text) == .seconds(seconds))
    }

    @Test(arguments: [
        "", "s", "h", "1.5h", "-1", "+1", " 1", "1 h", "1H", "1w", "12:00", "12:0:00", "12:60:00", "12:00:60", ":00:00",
        "1:00:00:00", "3651d", "87601:00:00", "9223372036854775807d", "99999999999999999999",
        "9223372036854775807:00:00",
        "１２h",
    ])
    func `of time is refused`(text: String) {
        #expect(Instant.Span(written: text) == nil)
    }

    @Test(arguments: [
        ("0", 0), ("500000", 500_000), ("3K", 3072), ("7M", 7_340_032), ("10G", 10_737_418_240),
        ("1048576T", 1_152_921_504_606_846_976),
    ])
    func `of bytes is understood`(text: String, bytes: Int64) {
        #expect(size(written: text) == bytes)
    }

    @Test(arguments: [
        "", "G", "+1", "-1", "1.5G", "10 G", "10GB", "10g", "1048577T", "9223372036854775808", "8388608T",
    ])
    func `of bytes is refused`(text: String) {
        #expect(size(written: text) == nil)
    }
}

@Suite struct `A machine` {
    @Test func `has at least a CPU and some memory, and keeps a reserve`() {
        let machine = Machine.detected()
        #expect(machine.cpus >= 1)
        #expect(machine.cpus <= sysconf(CInt(_SC_NPROCESSORS_CONF)))
        let whole = Int64(sysconf(CInt(_SC_PHYS_PAGES))) * Int64(sysconf(CInt(_SC_PAGESIZE)))
        #expect(machine.memory < whole)
        #expect(machine.memory >= whole / 2)
    }

    @Test(arguments: [
        (512, "512 B"), (1_048_576, "1 MiB"), (1_610_612_736, "1.5 GiB"), (8_589_934_592, "8 GiB"),
        (214_748_364_805, "200 GiB"), (1_099_511_627_775, "1 TiB"), (3_377_699_720_527_872, "3072 TiB"),
        (1_048_576_000, "1000 MiB"),
    ])
    func `has memory that is told as it is written in scripts`(bytes: Int64, text: String) {
        #expect(readableMemory(bytes) == text)
    }
}
