// Holes: ranges of a file that read as NULs and take no disk.

extension Descriptor {
    /// Gives the disk of a range back, though the file keeps its size. Whoever appends to it does not notice.
    ///
    /// Ends that are no multiples of the file system's block are filled with NULs instead.
    ///
    /// - Throws: `SystemError`: `EOPNOTSUPP` where the file system knows no holes.
    public borrowing func punch(_ range: Range<Int64>) throws(SystemError) {
        let (number, mode) = (self.number, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE)
        let failed = retryingOnInterrupt {
            fallocate(number, mode, off_t(range.lowerBound), off_t(range.upperBound - range.lowerBound))
        }
        guard failed == 0 else { throw SystemError("fallocate", nil) }
    }

    /// The first hole before `end`; `nil` when there is none. Moves the descriptor's position.
    public borrowing func firstHole(before end: Int64) -> Range<Int64>? {
        // The end of a file counts as a hole, too, and is none here.
        guard let size = try? Int64(status().st_size) else { return nil }
        let end = min(end, size)
        let start = Int64(lseek(number, 0, SEEK_HOLE))
        guard start >= 0, start < end else { return nil }
        // ENXIO: nothing but holes to the end.
        let data = Int64(lseek(number, off_t(start), SEEK_DATA))
        return start..<(data < 0 ? end : min(data, end))
    }
}
