// The reference's worker: claims jobs of the product's database, has each run by supervisor.c, and imports what became of it.
//
//     worker DATABASE SCRIPTS STATE OUTBOX MOST_RUNNING POLL_SECONDS MAILER
//
// Left out because no benchmark asks for it: stopping a job, giving one back whose supervisor did not start, strays.

#include "store.h"

#include <poll.h>
#include <sodium.h>
#include <spawn.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/wait.h>

enum { MOST_LIVE = 1024, LIVE_RHYTHM = 1000, MAILER_PAUSE = 1000 };

static Job jobs[MOST_LIVE];
static int live_count, attempts, outbox, fallen;
static const char *scripts_path, *outbox_path, *mailer_path;
static char supervisor_path[4096];

static void say(const char *event, const Job *job) {
    char line[256], day[32];
    int64_t at = now();
    time_t seconds = at / 1000;
    strftime(day, sizeof day, "%FT%T", gmtime(&seconds));
    int length = snprintf(line, sizeof line, "%s.%03dZ worker %s job=%lld attempt=%lld\n", day, (int)(at % 1000), event,
                          (long long)job->id, (long long)job->attempt);
    (void)!write(2, line, length);
}

static pid_t spawn_apart(const char *program, char **arguments, char **environment, int error, int handed_over) {
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t signals;
    pid_t pid;
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    int parking = 10 + (error > handed_over ? error : handed_over);
    posix_spawn_file_actions_adddup2(&actions, error, parking);
    if (handed_over >= 0) posix_spawn_file_actions_adddup2(&actions, handed_over, parking + 1);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDWR, 0);
    posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_RDWR, 0);
    posix_spawn_file_actions_adddup2(&actions, parking, 2);
    if (handed_over >= 0) posix_spawn_file_actions_adddup2(&actions, parking + 1, 3);
    posix_spawn_file_actions_addclosefrom_np(&actions, handed_over >= 0 ? 4 : 3);
    sigemptyset(&signals);
    posix_spawnattr_setsigmask(&attributes, &signals);
    sigfillset(&signals);
    posix_spawnattr_setsigdefault(&attributes, &signals);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSID);
    errno = posix_spawn(&pid, program, &actions, &attributes, arguments, environment);
    sure(-(long)errno, program);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    return pid;
}

// Makes a new file below a directory, with `size` bytes that have their place, or with `count` bytes written. It becomes
// durable with the ticket.
static void put_file(int directory, const char *name, off_t size, const void *bytes, size_t count) {
    int file = (int)sure(openat(directory, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600), name);
    if (size) sure(fallocate(file, 0, 0, size), name);
    if (count) sure(write(file, bytes, count) == (ssize_t)count ? 0 : -1, name);
    close(file);
}

// The script must still be what was submitted.
static void check_script(const Job *job, const char *path) {
    static unsigned char content[1 << 20];
    unsigned char hash[32];
    ssize_t count = sure(read_file(AT_FDCWD, path, content, sizeof content), path);
    crypto_hash_sha256(hash, content, count);
    errno = ESTALE;
    sure(memcmp(hash, job->hash, sizeof hash) ? -1 : 0, path);
}

// Order as supervisor.c reads it: texts that end with a NUL; an empty one ends arguments and environment.
static size_t write_order(const Job *job, const char *script, char *into, size_t room) {
    char *arguments[32];
    size_t length = 0;
#define PUT(...) length += snprintf(into + length, room - length, __VA_ARGS__) + 1
    PUT("%s", script);
    PUT("%s/%s", outbox_path, job->uid);
    PUT("%s", script);
    for (int i = 0, count = parameters_of(job->id, arguments, 32); i < count; i++) {
        PUT("%s", arguments[i]);
        free(arguments[i]);
    }
    PUT("%s", "");
    PUT("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
    PUT("HOME=%s/%s", outbox_path, job->uid);
    PUT("LANG=C.UTF-8");
    PUT("SHELL=/bin/sh");
    PUT("USER=nobody");
    PUT("LOGNAME=nobody");
    PUT("SR_JOB=%lld", (long long)job->id);
    PUT("SR_ATTEMPT=%lld", (long long)job->attempt);
    PUT("SR_SCRIPT=%s", job->script);
    PUT("SR_REQUESTER=%s", job->email);
    PUT("SR_RUN=%s", job->name);
    PUT("%s", "");
#undef PUT
    return length;
}

// Lays the attempt down, so that it is on the disk that it was begun, and starts its supervisor.
static void begin(Job *job) {
    static char order[ORDER_SIZE];
    char script[4096];
    snprintf(script, sizeof script, "%s/%s", scripts_path, job->script);
    check_script(job, script);
    size_t length = write_order(job, script, order, sizeof order);

    sure(mkdirat(attempts, job->name, 0700), job->name);
    int directory = (int)sure(openat(attempts, job->name, O_RDONLY | O_DIRECTORY | O_CLOEXEC), job->name);
    put_file(directory, "exit", RECORD_SIZE, NULL, 0);
    put_file(directory, "exit2", RECORD_SIZE, NULL, 0);
    put_file(directory, "order", 0, order, length);
    sure(fsync(attempts), "attempts");
    sure(mkdirat(outbox, job->uid, 0750), job->uid);
    sure(fchmodat(outbox, job->uid, 02750, 0), job->uid);
    sure(fsync(outbox), "outbox");

    int trouble = (int)sure(openat(directory, "trouble", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600), "trouble");
    job->child = spawn_apart(supervisor_path, (char *[]){"supervisor", NULL}, (char *[]){NULL}, trouble, directory);
    close(trouble), close(directory);
}

// Finds out whether there is news of an attempt.
static int look(Job *job) {
    int directory = (int)sure(openat(attempts, job->name, O_RDONLY | O_DIRECTORY | O_CLOEXEC), job->name);
    // Whether somebody lives is asked first: whoever was gone then has written all that it ever will.
    int lock = openat(directory, "lock", O_RDWR | O_CLOEXEC);
    struct flock held = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    int is_alive = job->child != 0;
    if (lock >= 0) {
        sure(fcntl(lock, F_OFD_GETLK, &held), "lock");
        is_alive |= held.l_type != F_UNLCK;
        close(lock);
    }
    job->has_begun = read_ticket(directory, &job->ticket);
    job->has_ended = read_record(directory, &job->record);
    if (job->has_begun && !job->has_ended && !is_alive) job->has_ended = job->is_lost = 1;
    close(directory);
    unsigned long flags;
    long long start;
    if (job->has_begun && !job->has_ended && read_stat(job->ticket.script, &flags, &start) && !job->guard) {
        job->guard = (int)sure(pidfd_of(job->ticket.guard), "pidfd_open");
        struct epoll_event event = {.events = EPOLLIN | EPOLLONESHOT, .data.ptr = job};
        sure(epoll_ctl(fallen, EPOLL_CTL_ADD, job->guard, &event), "epoll_ctl");
    }
    return job->has_ended || (job->has_begun && job->state == STARTING);
}

static Job *free_slot(void) {
    for (int i = 0; i < MOST_LIVE; i++)
        if (jobs[i].state == FREE) return &jobs[i];
    errno = ENOBUFS;
    return sure(-1, "live jobs") ? NULL : NULL;
}

// An earlier worker's jobs.
static void adopt(void) {
    Job next = {0};
    while (next_live(&next)) {
        next.called = 1;
        *free_slot() = next;
        live_count++;
    }
}

// Once a second looks also at those that are about to begin; says whether there are any.
static int call_starting(void) {
    static int64_t called_at;
    int count = 0, is_due = now() - called_at >= LIVE_RHYTHM;
    if (is_due) called_at = now();
    for (int i = 0; i < MOST_LIVE; i++)
        if (jobs[i].state == STARTING) count++, jobs[i].called |= is_due;
    return count;
}

// One step: looks at what was called, stores it and claims what may start in one transaction, has that run.
static void take_step(int most) {
    static Job *found[MOST_LIVE], *claimed[MOST_CLAIMS];
    int found_count = 0, ending = 0;
    for (int i = 0; i < MOST_LIVE; i++) {
        if (jobs[i].state == FREE || !jobs[i].called) continue;
        jobs[i].called = 0;
        if (look(&jobs[i])) found[found_count++] = &jobs[i], ending += jobs[i].has_ended;
    }
    if (!found_count && !(live_count < most && is_anybody_next())) return;

    int room = most - (live_count - ending);
    room = room < 0 ? 0 : room > MOST_CLAIMS ? MOST_CLAIMS : room;
    for (int i = 0, slot = 0; i < room; slot++)
        if (jobs[slot].state == FREE) claimed[i++] = &jobs[slot];
    int count = import_and_claim(found, found_count, claimed, room);
    for (int i = 0; i < found_count; i++) {
        say(found[i]->has_ended ? "job-ended" : "job-started", found[i]);
        if (!found[i]->has_ended) continue;
        if (found[i]->guard) close(found[i]->guard);
        found[i]->state = FREE;
    }
    for (int i = 0; i < count; i++) say("job-claimed", claimed[i]), begin(claimed[i]);
    live_count += count - ending;
}

static pid_t mailer;

static void bury_children(void) {
    pid_t pid;
    while ((pid = waitpid(-1, NULL, WNOHANG)) > 0) {
        if (pid == mailer) mailer = 0;
        for (int i = 0; i < MOST_LIVE; i++)
            if (jobs[i].state != FREE && jobs[i].child == pid) jobs[i].child = 0, jobs[i].called = 1;
    }
}

static void send_mails(void) {
    static int64_t not_before;
    char conf[4096];
    int64_t due = mailer || now() < not_before ? -1 : next_mail();
    if (due < 0 || due > now()) return;
    snprintf(conf, sizeof conf, "SCRIPTRUNNER_CONF=%s", getenv("SCRIPTRUNNER_CONF"));
    mailer = spawn_apart(mailer_path, (char *[]){"mailer", NULL}, (char *[]){conf, "PATH=/usr/bin:/bin", "LANG=C.UTF-8", NULL}, 2, -1);
    not_before = now() + MAILER_PAUSE;
}

// Takes in what has come; 1 when a signal asks to end.
static int hear(int socket, int signals) {
    char word[256];
    struct signalfd_siginfo signal;
    struct epoll_event gone[64];
    int stop = 0, count;
    ssize_t length;
    while ((length = recv(socket, word, sizeof word - 1, 0)) >= 0) {
        word[length] = 0;
        for (int i = 0; i < MOST_LIVE; i++)
            if (jobs[i].state != FREE && strcmp(jobs[i].name, word) == 0) jobs[i].called = 1;
    }
    while (read(signals, &signal, sizeof signal) > 0) stop |= signal.ssi_signo != SIGCHLD;
    while ((count = epoll_wait(fallen, gone, 64, 0)) > 0)
        for (int i = 0; i < count; i++) ((Job *)gone[i].data.ptr)->called = 1;
    return stop;
}

int main(int count, char **words) {
    if (count != 8) return 64;
    scripts_path = words[2], outbox_path = words[4], mailer_path = words[7];
    int most = atoi(words[5]), poll_interval = atoi(words[6]) * 1000;
    ssize_t length = sure(readlink("/proc/self/exe", supervisor_path, sizeof supervisor_path - 16), "/proc/self/exe");
    supervisor_path[length] = 0;
    strcpy(strrchr(supervisor_path, '/'), "/supervisor");
    umask(027);
    sure(sodium_init(), "libsodium");

    int state = (int)sure(open(words[3], O_RDONLY | O_DIRECTORY | O_CLOEXEC), words[3]);
    mkdirat(state, "attempts", 0700);
    attempts = (int)sure(openat(state, "attempts", O_RDONLY | O_DIRECTORY | O_CLOEXEC), "attempts");
    outbox = (int)sure(open(outbox_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), outbox_path);
    fallen = (int)sure(epoll_create1(EPOLL_CLOEXEC), "epoll_create1");
    sigset_t awaited;
    sigemptyset(&awaited);
    sigaddset(&awaited, SIGTERM), sigaddset(&awaited, SIGINT), sigaddset(&awaited, SIGCHLD);
    sigprocmask(SIG_BLOCK, &awaited, NULL);
    int signals = (int)sure(signalfd(-1, &awaited, SFD_CLOEXEC | SFD_NONBLOCK), "signalfd");
    int bell = bind_below(state, "worker.sock");
    open_store(words[1]);
    adopt();

    struct pollfd waiting[] = {{.fd = bell, .events = POLLIN}, {.fd = signals, .events = POLLIN}, {.fd = fallen, .events = POLLIN}};
    do {
        bury_children();
        take_step(most);
        send_mails();
        checkpoint_if_due();
        // The socket takes few rings at a time. An end is told by the kernel too, a beginning only by a ring.
        int is_soon = call_starting() || (!mailer && next_mail() >= 0);
        poll(waiting, 3, is_soon ? LIVE_RHYTHM : poll_interval);
    } while (!hear(bell, signals));
    return 0;
}
