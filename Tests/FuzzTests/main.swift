// fuzz annotations FOLDER [OPTION...] [CORPUS...]
// fuzz forms [OPTION...] [CORPUS...]
//
// The rest is libFuzzer's (llvm.org/docs/LibFuzzer.html). `make fuzz` builds and runs it.
import Linux

private enum Target {
    case annotations(AnnotationsTarget)
    case forms(FormsTarget)

    func run(_ input: [UInt8]) throws {
        switch self {
        case .annotations(let target): try target.run(input)
        case .forms(let target): try target.run(input)
        }
    }
}

nonisolated(unsafe) private var target = Target.forms(FormsTarget())

@_silgen_name("LLVMFuzzerRunDriver")
private func runDriver(
    _ count: UnsafeMutablePointer<CInt>,
    _ words: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>,
    _ run: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt
) -> CInt

/// The name that libFuzzer's own main function, which is not used, asks for.
@_cdecl("LLVMFuzzerTestOneInput")
func testOneInput(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    do { try target.run(Array(UnsafeBufferPointer(start: bytes, count: count))) } catch { fatalError("\(error)") }
    return 0
}

var words = CommandLine.arguments[...]
let program = words.removeFirst()
switch words.popFirst() {
case "annotations": target = .annotations(try AnnotationsTarget(folder: words.removeFirst()))
case "forms": break
default: fatalError("usage: fuzz annotations FOLDER, or fuzz forms, and then options of libFuzzer")
}
var count = CInt(words.count + 1)
exit(
    withCStrings([program] + words) { arguments in
        var arguments = arguments
        return runDriver(&count, &arguments, testOneInput)
    })
