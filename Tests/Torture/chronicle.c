/* The interpreter of every test script: writes down that the script runs, before anything else, and ends as it is told.
 *
 *   #!CHRONICLE HISTORY          the first line of a script; the kernel calls CHRONICLE HISTORY SCRIPT TAG PLAN
 *
 * HISTORY lies outside of all that ScriptRunner touches. A line is one write to a file opened with O_APPEND, and is on
 * the disk before the next step:
 *
 *   begin JOB ATTEMPT PID BOOT START TAG
 *   end JOB ATTEMPT PID BOOT START TAG exit|signal NUMBER
 *
 * PLAN is a row of words: sleep MILLISECONDS; wait (until HISTORY.go/TAG or HISTORY.go/all is there); say BYTES (of log);
 * polite NUMBER (that exit status on TERM); stubborn (deaf to TERM); flee (leaves a daemon in a session of its own, deaf
 * to TERM); leave (the same, but not deaf); exit NUMBER; signal NUMBER. It leaves an output behind in its folder.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char *history, *tag;
static char identity[512];

static void fail(const char *what) {
    perror(what);
    _exit(120);
}

static void slurp(const char *path, char *text, size_t size) {
    int file = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t count = file < 0 ? -1 : read(file, text, size - 1);
    if (count < 0) fail(path);
    text[count] = 0;
    close(file);
}

static void note(const char *what, const char *how) {
    char line[1024];
    int size = snprintf(line, sizeof line, "%s %s%s\n", what, identity, how);
    int file = open(history, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
    if (file < 0 || write(file, line, size) != size || fsync(file) != 0) fail(history);
    close(file);
}

static void identify(void) {
    char boot[100], status[4096];
    slurp("/proc/sys/kernel/random/boot_id", boot, sizeof boot);
    boot[strcspn(boot, "\n")] = 0;
    slurp("/proc/self/stat", status, sizeof status);
    char *field = strrchr(status, ')');
    /* The field after the name is the third; the start time is the 22nd. */
    for (int number = 2; number < 22; number++) field = strchr(field + 1, ' ');
    const char *job = getenv("SR_JOB"), *attempt = getenv("SR_ATTEMPT");
    snprintf(identity, sizeof identity, "%s %s %d %s %lld %s", job ? job : "?", attempt ? attempt : "?", getpid(), boot,
             atoll(field + 1), tag);
}

static void pause_for(long milliseconds) {
    struct timespec time = {milliseconds / 1000, milliseconds % 1000 * 1000000};
    while (nanosleep(&time, &time) != 0) {}
}

static void wait_for_go(void) {
    char mine[4096], all[4096];
    snprintf(mine, sizeof mine, "%s.go/%s", history, tag);
    snprintf(all, sizeof all, "%s.go/all", history);
    while (access(mine, F_OK) != 0 && access(all, F_OK) != 0) pause_for(50);
}

static int polite_status;

static void be_polite(int number) {
    char how[40];
    (void)number;
    snprintf(how, sizeof how, " exit %d", polite_status);
    note("end", how);
    _exit(polite_status);
}

static void leave_daemon(int is_deaf) {
    int ready[2];
    char byte;
    if (pipe(ready) != 0) fail("pipe");
    if (fork() == 0) {
        setsid();
        if (fork() != 0) _exit(0);
        if (is_deaf) signal(SIGTERM, SIG_IGN);
        if (write(ready[1], "", 1) != 1) _exit(1);
        close(ready[0]);
        close(ready[1]);
        while (1) pause_for(1000);
    }
    close(ready[1]);
    if (read(ready[0], &byte, 1) != 1) fail("daemon");
    close(ready[0]);
}

int main(int count, char **words) {
    if (count != 5) {
        fprintf(stderr, "chronicle: wants HISTORY SCRIPT TAG PLAN, has %d words\n", count);
        return 120;
    }
    history = words[1];
    tag = words[3];
    identify();
    note("begin", "");
    /* What nobody may take away while the script runs, or after it. */
    int output = open("output", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (output < 0) fail("output");
    close(output);
    for (char *word = strtok(words[4], " "); word; word = strtok(NULL, " ")) {
        if (strcmp(word, "wait") == 0) wait_for_go();
        else if (strcmp(word, "stubborn") == 0) signal(SIGTERM, SIG_IGN);
        else if (strcmp(word, "flee") == 0) leave_daemon(1);
        else if (strcmp(word, "leave") == 0) leave_daemon(0);
        else {
            char *number = strtok(NULL, " "), how[40];
            if (!number) fail("a number is missing in the plan");
            if (strcmp(word, "sleep") == 0) pause_for(atol(number));
            else if (strcmp(word, "say") == 0) for (long bytes = 0; bytes < atol(number); bytes += 64)
                printf("%063ld\n", bytes);
            else if (strcmp(word, "polite") == 0) {
                polite_status = atoi(number);
                signal(SIGTERM, be_polite);
            } else {
                fflush(stdout);
                snprintf(how, sizeof how, " %s %s", word, number);
                note("end", how);
                if (strcmp(word, "exit") == 0) _exit(atoi(number));
                signal(atoi(number), SIG_DFL);
                kill(getpid(), atoi(number));
                pause_for(1000);
            }
        }
    }
    fail("the plan has no end");
}
