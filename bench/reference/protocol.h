// What the two programs of the reference agree on: the files of an attempt's directory, and how they are written.
//
// The reference is a yardstick for benchmarks, not a product: the protocol of worker and supervisor in plain C, with the
// same files, fsyncs, processes and commits. Whatever goes wrong ends the program.
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

// Returns `result`, unless a call has failed.
static inline long sure(long result, const char *what) {
    if (result >= 0) return result;
    dprintf(2, "reference: %s: %s\n", what, strerror(errno));
    exit(70);
}

static inline int64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_REALTIME, &time);
    return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

static inline int pidfd_of(pid_t pid) { return (int)syscall(SYS_pidfd_open, pid, 0); }

// How an attempt ended: the file `exit`, one page, with its place on the disk from the beginning.
typedef struct {
    char format[24];
    int64_t kind;   // 1: exited, 2: ended by a signal, 3: never started
    int64_t value;  // the status, the signal, or errno
    int64_t ended_at, max_rss, user_time, system_time, log_bytes;
    uint64_t sum;
} Record;

enum { RECORD_SIZE = 4096, ORDER_SIZE = 65536 };
static const char RECORD_FORMAT[24] = "reference exit record 1";

static inline uint32_t crc32_of(const void *bytes, size_t count) {
    uint32_t sum = 0xFFFFFFFF;
    for (const uint8_t *byte = bytes; count--; byte++) {
        sum ^= *byte;
        for (int bit = 0; bit < 8; bit++) sum = sum & 1 ? sum >> 1 ^ 0xEDB88320 : sum >> 1;
    }
    return ~sum;
}

// Who runs: the file `start`. No instruction of the script runs before it is on the disk.
typedef struct {
    pid_t script, guard;
    long long start;
    char boot[40];
    long long at;
} Ticket;

// Reads a file below a directory; -1 when there is none, or it tells of a process that is gone.
static inline ssize_t read_file(int directory, const char *name, void *into, size_t room) {
    int file = openat(directory, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (file < 0) return -1;
    ssize_t count = read(file, into, room);
    close(file);
    return count;
}

static inline int read_ticket(int directory, Ticket *ticket) {
    char text[256];
    ssize_t count = read_file(directory, "start", text, sizeof text - 1);
    if (count < 0) return 0;
    text[count] = 0;
    return sscanf(text, "started %d %lld %39s %d %lld", &ticket->script, &ticket->start, ticket->boot,
                  &ticket->guard, &ticket->at) == 5;
}

static inline int read_record(int directory, Record *record) {
    char page[RECORD_SIZE];
    if (read_file(directory, "exit", page, sizeof page) != RECORD_SIZE) return 0;
    memcpy(record, page, sizeof *record);
    return memcmp(record->format, RECORD_FORMAT, sizeof record->format) == 0
        && record->sum == crc32_of(record, offsetof(Record, sum));
}

static inline const char *boot_id(void) {
    static char text[40];
    if (!text[0]) {
        ssize_t count = read_file(AT_FDCWD, "/proc/sys/kernel/random/boot_id", text, sizeof text - 1);
        text[count > 0 ? count - 1 : 0] = 0;
    }
    return text;
}

// Fields of /proc/PID/stat: 9 (flags) and 22 (start time).
static inline int read_stat(pid_t pid, unsigned long *flags, long long *start) {
    char path[32], text[1024];
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    ssize_t count = read_file(AT_FDCWD, path, text, sizeof text - 1);
    if (count <= 0) return 0;
    text[count] = 0;
    char *end = strrchr(text, ')');
    return end && sscanf(end + 2, "%*c %*d %*d %*d %*d %*d %lu %*d %*d %*d %*d %*d %*d %*d %*d %*d %*d %*d %*d %lld",
                         flags, start) == 2;
}

// A socket's address in a directory; the descriptor stands for the path, because an address holds 107 bytes only.
static inline struct sockaddr_un address_below(int directory, const char *name) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/%s", directory, name);
    return address;
}

// Sends a word to a socket, if somebody takes it at once.
static inline void knock(int directory, const char *name, const char *word) {
    int sender = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    struct sockaddr_un address = address_below(directory, name);
    (void)!sendto(sender, word, strlen(word), 0, (struct sockaddr *)&address, sizeof address);
    close(sender);
}

static inline int bind_below(int directory, const char *name) {
    int taker = (int)sure(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), "socket");
    struct sockaddr_un address = address_below(directory, name);
    unlinkat(directory, name, 0);
    sure(bind(taker, (struct sockaddr *)&address, sizeof address), name);
    return taker;
}
