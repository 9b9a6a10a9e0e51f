// The kernel and the C library, in one import: what Glibc offers, what CLinux adds, and the types of this module.
// Both have to come together, because C types that both headers mention belong to whichever was read first.
@_exported public import CLinux
@_exported public import Glibc
