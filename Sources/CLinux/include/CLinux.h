// The door to the parts of Linux and glibc that Swift cannot reach by itself: headers that its Glibc module omits,
// macros, and variadic calls. No logic.
#pragma once

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/types.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

// openat2(2) has no glibc wrapper in Debian 12. Resolves `path` below `dirfd` and refuses symbolic links, magic links
// and any way out.
static inline int clinux_open_beneath(int dirfd, const char *path, uint64_t flags, uint64_t mode) {
    struct open_how how = {
        .flags = flags,
        .mode = mode,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
    };
    return (int)syscall(SYS_openat2, dirfd, path, &how, sizeof how);
}

static inline int clinux_pidfd_open(pid_t pid, unsigned flags) { return (int)syscall(SYS_pidfd_open, pid, flags); }

static inline int clinux_pidfd_send_signal(int pidfd, int sig) {
    return (int)syscall(SYS_pidfd_send_signal, pidfd, sig, (void *)0, 0);
}

// glibc's is variadic. For tests that kill processes between two system calls.
static inline long clinux_ptrace(long request, pid_t pid, unsigned long address, unsigned long data) {
    return syscall(SYS_ptrace, request, pid, address, data);
}

static inline int clinux_prctl(int option, unsigned long a, unsigned long b) { return prctl(option, a, b, 0, 0); }

static inline int clinux_open(const char *path, int flags, mode_t mode) { return open(path, flags, mode); }
static inline int clinux_openat(int dirfd, const char *path, int flags, mode_t mode) {
    return openat(dirfd, path, flags, mode);
}
static inline int clinux_fcntl_int(int fd, int command, int value) { return fcntl(fd, command, value); }
static inline int clinux_fcntl_lock(int fd, int command, struct flock *lock) { return fcntl(fd, command, lock); }

static inline char **clinux_environ(void) {
    extern char **environ;
    return environ;
}

// glibc's waitid has no usage; the system call has, and tells it even when the process is only looked at (WNOWAIT).
static inline int clinux_waitid(int type, pid_t pid, siginfo_t *info, int options, struct rusage *usage) {
    return (int)syscall(SYS_waitid, type, pid, info, options, usage);
}
static inline pid_t clinux_siginfo_pid(const siginfo_t *info) { return info->si_pid; }
static inline int clinux_siginfo_status(const siginfo_t *info) { return info->si_status; }

// These change the calling thread alone; glibc's namesakes change all threads of the process.
static inline int clinux_thread_setresuid(uid_t real, uid_t effective, uid_t saved) {
    return (int)syscall(SYS_setresuid, real, effective, saved);
}
static inline int clinux_thread_setresgid(gid_t real, gid_t effective, gid_t saved) {
    return (int)syscall(SYS_setresgid, real, effective, saved);
}

// Marks every descriptor from `first` up as close-on-exec.
static inline int clinux_close_on_exec_from(unsigned first) {
    return (int)syscall(SYS_close_range, first, ~0U, 4 /* CLOSE_RANGE_CLOEXEC */);
}

static inline int clinux_exited(int status) { return WIFEXITED(status); }
static inline int clinux_exit_status(int status) { return WEXITSTATUS(status); }
static inline int clinux_signaled(int status) { return WIFSIGNALED(status); }
static inline int clinux_term_signal(int status) { return WTERMSIG(status); }
