// The reference's supervisor: the guard takes the lock and forks the shim; the shim starts the script behind a gate, waits,
// and records its end. Started by worker.c with the attempt's directory as descriptor 3, in a session of its own.

#include "protocol.h"

#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

enum { DIRECTORY = 3, LOG_RHYTHM = 1000, UNEXECUTED = 125 };

typedef struct {
    char text[ORDER_SIZE];
    const char *program, *folder;
    char *arguments[64], *environment[64];
} Order;

// The file `order`: program, folder, arguments, an empty text, environment, an empty text; each ends with a NUL.
static void read_order(Order *order) {
    ssize_t count = sure(read_file(DIRECTORY, "order", order->text, sizeof order->text - 1), "order");
    order->text[count] = 0;
    char *at = order->text;
    order->program = at, at += strlen(at) + 1;
    order->folder = at, at += strlen(at) + 1;
    for (int i = 0; *at && i < 63; i++) order->arguments[i] = at, at += strlen(at) + 1;
    at++;
    for (int i = 0; *at && i < 63; i++) order->environment[i] = at, at += strlen(at) + 1;
}

static void become_subreaper(void) { sure(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), "prctl"); }

// Ends all that descends from this process but `kept`: a subreaper becomes the parent of all orphans.
static void kill_children(pid_t kept) {
    char path[64], text[4096];
    snprintf(path, sizeof path, "/proc/self/task/%d/children", getpid());
    for (int found = 1; found;) {
        ssize_t count = read_file(AT_FDCWD, path, text, sizeof text - 1);
        text[count > 0 ? count : 0] = 0;
        found = 0;
        for (char *at = text, *end; *at; at = end) {
            pid_t child = (pid_t)strtol(at, &end, 10);
            while (*end == ' ') end++;
            if (child <= 0 || child == kept) continue;
            found = 1;
            kill(child, SIGKILL);
            waitpid(child, NULL, 0);
        }
    }
}

static int64_t log_bytes(void) {
    struct stat status;
    return fstatat(DIRECTORY, "log", &status, AT_SYMLINK_NOFOLLOW) == 0 ? status.st_size : 0;
}

// Peek, clean up, record, and only then reap.
static void record_end(pid_t script, int failure) {
    siginfo_t end;
    struct rusage usage;
    sure(syscall(SYS_waitid, P_PID, script, &end, WEXITED | WNOWAIT, &usage), "waitid");
    kill_children(script);
    int log = openat(DIRECTORY, "log", O_WRONLY | O_CLOEXEC);
    if (log >= 0) fdatasync(log), close(log);

    char page[RECORD_SIZE] = {0};
    Record record = {
        .kind = failure ? 3 : end.si_code == CLD_EXITED ? 1 : 2,
        .value = failure ? failure : end.si_status,
        .ended_at = now(),
        .max_rss = usage.ru_maxrss * 1024,
        .user_time = usage.ru_utime.tv_sec * 1000 + usage.ru_utime.tv_usec / 1000,
        .system_time = usage.ru_stime.tv_sec * 1000 + usage.ru_stime.tv_usec / 1000,
        .log_bytes = log_bytes(),
    };
    memcpy(record.format, RECORD_FORMAT, sizeof record.format);
    record.sum = crc32_of(&record, offsetof(Record, sum));
    memcpy(page, &record, sizeof record);
    int file = (int)sure(openat(DIRECTORY, "exit", O_WRONLY | O_CLOEXEC), "exit");
    sure(write(file, page, sizeof page) == sizeof page ? 0 : -1, "exit");
    sure(fdatasync(file), "exit");
    close(file);
}

static void ring_worker(void) {
    char link[32], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", DIRECTORY);
    ssize_t count = sure(readlink(link, path, sizeof path - 1), "readlink");
    path[count] = 0;
    knock(DIRECTORY, "../../worker.sock", strrchr(path, '/') + 1);
}

static void watch(pid_t script, int failure) {
    int process = (int)sure(pidfd_of(script), "pidfd_open");
    int control = bind_below(DIRECTORY, "ctl.sock");
    struct pollfd waiting[] = {{.fd = process, .events = POLLIN}, {.fd = control, .events = POLLIN}};
    while (poll(waiting, 2, LOG_RHYTHM), !waiting[0].revents) {
        char byte;
        while (recv(control, &byte, 1, MSG_DONTWAIT) >= 0) kill(-script, SIGTERM);
        log_bytes();
    }
    record_end(script, failure);
    waitpid(script, NULL, 0);
    ring_worker();
}

// In the child: waits at the gate, then becomes the script.
static void become_script(Order *order, int log, const int gate[2], int failure) {
    char go;
    close(gate[1]);
    if (read(gate[0], &go, 1) != 1) _exit(UNEXECUTED);
    setsid();
    for (int number = 1; number < NSIG; number++) signal(number, SIG_DFL);
    umask(027);
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    int null = open("/dev/null", O_RDONLY);
    if (null >= 0 && dup2(null, 0) >= 0 && dup2(log, 1) >= 0 && dup2(log, 2) >= 0 && chdir(order->folder) == 0) {
        syscall(SYS_close_range, 3, ~0U, 4 /* CLOSE_RANGE_CLOEXEC */);
        execve(order->program, order->arguments, order->environment);
    }
    int code = errno;
    (void)!write(failure, &code, sizeof code);
    _exit(127);
}

// Puts down the ticket: whoever links it first, wins.
static int put_ticket(pid_t script, pid_t guard) {
    unsigned long flags;
    long long start;
    char text[256], path[32];
    sure(read_stat(script, &flags, &start) ? 0 : -1, "stat");
    int length = snprintf(text, sizeof text, "started %d %lld %s %d %lld\n", script, start, boot_id(), guard, (long long)now());
    int file = (int)sure(openat(DIRECTORY, ".", O_WRONLY | O_TMPFILE | O_CLOEXEC, 0600), "ticket");
    sure(write(file, text, length), "ticket");
    sure(fsync(file), "ticket");
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    if (linkat(AT_FDCWD, path, DIRECTORY, "start", AT_SYMLINK_FOLLOW) != 0) return 0;
    sure(fsync(DIRECTORY), "ticket's directory");
    close(file);
    return 1;
}

static void shim(Order *order, pid_t guard) {
    int gate[2], failure[2], code = 0;
    int log = (int)sure(openat(DIRECTORY, "log", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600), "log");
    sure(pipe2(gate, O_CLOEXEC), "pipe");
    sure(pipe2(failure, O_CLOEXEC), "pipe");
    pid_t script = (pid_t)sure(fork(), "fork");
    if (script == 0) become_script(order, log, gate, failure[1]);
    close(log), close(gate[0]), close(failure[1]);
    if (!put_ticket(script, guard)) {
        close(gate[1]);
        waitpid(script, NULL, 0);
        return;
    }
    sure(write(gate[1], "!", 1), "gate");
    close(gate[1]);
    // Ends without a word when the script has taken the process over.
    if (read(failure[0], &code, sizeof code) == 0) ring_worker();
    watch(script, code);
}

int main(void) {
    static Order order;
    for (int i = 0, numbers[] = {SIGHUP, SIGINT, SIGTERM, SIGPIPE, SIGQUIT}; i < 5; i++) signal(numbers[i], SIG_IGN);
    syscall(SYS_close_range, DIRECTORY, ~0U, 4 /* CLOSE_RANGE_CLOEXEC */);
    sure(chdir("/"), "chdir");
    // Held until the last of guard and shim is gone.
    int lock = (int)sure(openat(DIRECTORY, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600), "lock");
    if (fcntl(lock, F_OFD_SETLK, &(struct flock){.l_type = F_WRLCK, .l_whence = SEEK_SET}) != 0) return 0;
    become_subreaper();
    read_order(&order);
    pid_t guard = getpid(), child = (pid_t)sure(fork(), "fork");
    if (child == 0) {
        setsid();
        become_subreaper();
        shim(&order, guard);
        return 0;
    }
    waitpid(child, NULL, 0);
    // The shim has done its work, or died over it.
    Record record;
    Ticket ticket;
    if (!read_record(DIRECTORY, &record) && read_ticket(DIRECTORY, &ticket)) watch(ticket.script, 0);
    kill_children(0);
    return 0;
}
