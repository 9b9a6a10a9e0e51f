/* Runs a program and does something to it at one of its system calls, by ptrace(2).
 *
 *   injector PLAN PROGRAM [WORD...]
 *
 * Called by any other name, it stands in the place of a program: NAME.real is the program, and NAME.plans/ holds the
 * plans, of which each start takes one (by renaming it into NAME.taken/); a start that finds none is not touched.
 *
 * strace(1) can inject, too, but counts each process by itself: the supervisor's two halves would both be hit. Here a
 * rule names whom it means: 0 is the program, 1 a process that it forks, 2 one that such a process forks, up to the exec
 * of another program. As with `strace -D`, the program keeps the number of the process that was started.
 *
 * A plan is a text of lines:
 *
 *   log FILE                                       what happened is appended to it (see below)
 *   trace                                          all system calls are written into the log, too
 *   rule WHO ACTION VALUE FIRST COUNT CALLS        CALLS: all, or numbers with commas between them
 *   until FILE                                     rules do nothing any more when this file is there
 *
 * At the FIRST-th of its CALLS, and up to COUNT of them (-1: all from then on), WHO is: `kill`ed by SIGKILL before the
 * call does anything; `stop`ped by SIGSTOP right after it, and let alone; `fail`s with errno VALUE, at an open only if it
 * may make a file; or is `return`ed VALUE, without the call being made.
 *
 *   call WHO NUMBER CALL      acted WHO PID CALL NUMBER [PATH]      end WHO PID COUNT
 *
 * A call that cannot be made to fail, because it opens what is there, is written with the word `opens` behind it.
 * PATH tells what a call of fsync or fdatasync was about.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MOST_RULES = 8, MOST_TRACEES = 64, MOST_CALLS = 512, DEEPEST = 2 };

static struct rule {
    int who, value;
    long first, count, seen;
    char action;
    char calls[MOST_CALLS];
} rules[MOST_RULES];
static int rule_count, is_traced;
static char log_path[4096], until_path[4096];

static struct tracee {
    pid_t thread, process;
    int who;
    /* The value to be returned at the end of the present call. */
    int is_replaced;
    long replacement;
    /* Has become the program that is meant. */
    int has_begun;
} tracees[MOST_TRACEES];
static long numbers[DEEPEST + 1];
static FILE *out;

static void die(const char *what) {
    fprintf(stderr, "injector: %s: %s\n", what, strerror(errno));
    exit(121);
}

static void read_plan(const char *path) {
    FILE *plan = fopen(path, "re");
    char line[8192], action[20], calls[4096];
    if (!plan) die(path);
    while (fgets(line, sizeof line, plan)) {
        struct rule *rule = &rules[rule_count];
        if (sscanf(line, "log %4095s", log_path) == 1 || sscanf(line, "until %4095s", until_path) == 1) continue;
        if (strncmp(line, "trace", 5) == 0) is_traced = 1;
        else if (sscanf(line, "rule %d %19s %d %ld %ld %4095s", &rule->who, action, &rule->value, &rule->first,
                        &rule->count, calls) == 6 && rule_count < MOST_RULES) {
            rule->action = action[0];
            memset(rule->calls, strcmp(calls, "all") == 0, sizeof rule->calls);
            if (!rule->calls[0]) for (char *word = strtok(calls, ","); word; word = strtok(NULL, ","))
                if (atoi(word) < MOST_CALLS) rule->calls[atoi(word)] = 1;
            rule_count++;
        } else {
            fprintf(stderr, "injector: not understood: %s", line);
            exit(121);
        }
    }
    fclose(plan);
}

static long request(enum __ptrace_request what, pid_t thread, long number) {
    return ptrace(what, thread, NULL, (void *)number);
}

static int field_of(pid_t pid, const char *name) {
    char path[100], line[512];
    int value = -1;
    snprintf(path, sizeof path, "/proc/%d/status", pid);
    FILE *status = fopen(path, "re");
    if (!status) return -1;
    while (fgets(line, sizeof line, status))
        if (strncmp(line, name, strlen(name)) == 0) value = atoi(line + strlen(name));
    fclose(status);
    return value;
}

static struct tracee *find(pid_t thread, int is_wanted) {
    struct tracee *empty = NULL;
    for (int index = 0; index < MOST_TRACEES; index++) {
        if (tracees[index].thread == thread) return &tracees[index];
        if (!tracees[index].thread && !empty) empty = &tracees[index];
    }
    if (!is_wanted) return NULL;
    if (!empty) die("too many tracees");
    memset(empty, 0, sizeof *empty);
    empty->thread = thread;
    empty->process = field_of(thread, "Tgid:");
    /* It is gone already. No number that means many processes is ever kept: it is killed later. */
    if (empty->process <= 0) empty->process = thread;
    pid_t known = empty->process == thread ? field_of(thread, "PPid:") : empty->process;
    struct tracee *relative = find(known, 0);
    empty->who = relative ? relative->who + (empty->process == thread) : DEEPEST + 1;
    empty->has_begun = 1;
    return empty;
}

/* Makes the call none, or gives it a result. */
static void set_register(pid_t thread, int is_entry, long value) {
#if defined(__x86_64__)
    struct user_regs_struct registers;
    if (ptrace(PTRACE_GETREGS, thread, NULL, &registers) != 0) return;
    if (is_entry) registers.orig_rax = value; else registers.rax = value;
    ptrace(PTRACE_SETREGS, thread, NULL, &registers);
#elif defined(__aarch64__)
    struct user_pt_regs registers;
    int number = (int)value;
    struct iovec part = {&registers, sizeof registers}, call = {&number, sizeof number};
    if (is_entry) {
        ptrace(PTRACE_SETREGSET, thread, NT_ARM_SYSTEM_CALL, &call);
    } else if (ptrace(PTRACE_GETREGSET, thread, NT_PRSTATUS, &part) == 0) {
        registers.regs[0] = value;
        ptrace(PTRACE_SETREGSET, thread, NT_PRSTATUS, &part);
    }
#else
#error "The registers of this machine are not known here."
#endif
}

/* Whether the call may make a file; one that only opens what is there needs no room on a disk. */
static int may_create(struct tracee *tracee, struct __ptrace_syscall_info *call) {
    unsigned long flags = O_CREAT;
    if (call->entry.nr == SYS_openat) flags = call->entry.args[2];
#ifdef SYS_openat2
    if (call->entry.nr == SYS_openat2) flags = ptrace(PTRACE_PEEKDATA, tracee->thread, (void *)call->entry.args[2], NULL);
#endif
    return (flags & (O_CREAT | O_TMPFILE)) != 0;
}

/* Of what is about to be synced, with a blank before it; nothing for other calls. */
static const char *synced_path(struct tracee *tracee, struct __ptrace_syscall_info *call) {
    static char path[4097];
    char link[100];
    if (call->entry.nr != SYS_fsync && call->entry.nr != SYS_fdatasync) return "";
    snprintf(link, sizeof link, "/proc/%d/fd/%d", tracee->thread, (int)call->entry.args[0]);
    ssize_t length = readlink(link, path + 1, sizeof path - 2);
    path[0] = ' ';
    path[length > 0 ? length + 1 : 0] = 0;
    return path;
}

/* Says whether the tracee has been let go. */
static int at_call(struct tracee *tracee) {
    struct __ptrace_syscall_info call;
    if (ptrace(PTRACE_GET_SYSCALL_INFO, tracee->thread, (void *)sizeof call, &call) <= 0) return 0;
    if (call.op == PTRACE_SYSCALL_INFO_EXIT && tracee->is_replaced) {
        set_register(tracee->thread, 0, tracee->replacement);
        tracee->is_replaced = 0;
    }
    if (call.op != PTRACE_SYSCALL_INFO_ENTRY || !tracee->has_begun) return 0;
    long number = call.entry.nr < MOST_CALLS ? call.entry.nr : 0;
    numbers[tracee->who]++;
    if (is_traced) fprintf(out, "call %d %ld %ld%s\n", tracee->who, numbers[tracee->who], number,
                           may_create(tracee, &call) ? "" : " opens");
    for (struct rule *rule = rules; rule < rules + rule_count; rule++) {
        if (rule->who != tracee->who || !rule->calls[number]) continue;
        if (rule->action == 'f' && !may_create(tracee, &call)) continue;
        rule->seen++;
        if (rule->seen < rule->first || (rule->count >= 0 && rule->seen >= rule->first + rule->count)) continue;
        if (until_path[0] && access(until_path, F_OK) == 0) continue;
        fprintf(out, "acted %d %d %ld %ld%s\n", tracee->who, tracee->process, number, rule->seen,
                synced_path(tracee, &call));
        fflush(out);
        switch (rule->action) {
        case 'k': kill(tracee->process, SIGKILL); return 0;
        case 's':
            kill(tracee->process, SIGSTOP);
            request(PTRACE_DETACH, tracee->thread, 0);
            return 1;
        default:
            tracee->is_replaced = 1;
            tracee->replacement = rule->action == 'f' ? -rule->value : rule->value;
            set_register(tracee->thread, 1, -1);
        }
        return 0;
    }
    return 0;
}

static void forget(struct tracee *tracee) { memset(tracee, 0, sizeof *tracee); }

static void trace(void) {
    int status;
    pid_t thread;
    while ((thread = waitpid(-1, &status, __WALL)) > 0 || errno == EINTR) {
        if (thread <= 0) continue;
        struct tracee *tracee = find(thread, WIFSTOPPED(status));
        if (!tracee) continue;
        if (!WIFSTOPPED(status)) {
            if (tracee->thread == tracee->process && tracee->who <= DEEPEST)
                fprintf(out, "end %d %d %ld\n", tracee->who, thread, numbers[tracee->who]);
            fflush(out);
            forget(tracee);
            continue;
        }
        int number = WSTOPSIG(status), event = status >> 16;
        if (tracee->who > DEEPEST) {
            request(PTRACE_DETACH, thread, event ? 0 : number);
            forget(tracee);
            continue;
        }
        if (event == PTRACE_EVENT_STOP && number != SIGTRAP) {
            request(PTRACE_LISTEN, thread, 0);
            continue;
        }
        if (event == PTRACE_EVENT_EXEC) {
            if (tracee->who > 0) {
                /* A forked process that becomes another program is none of ours. */
                request(PTRACE_DETACH, thread, 0);
                forget(tracee);
                continue;
            }
            tracee->has_begun = 1;
        }
        if (number == (SIGTRAP | 0x80)) {
            if (at_call(tracee)) {
                forget(tracee);
                continue;
            }
            number = 0;
        }
        request(PTRACE_SYSCALL, thread, event ? 0 : number);
    }
    fclose(out);
}

/* In a process of its own that nobody waits for. */
static void attach(pid_t program, int ready) {
    struct tracee *tracee = &tracees[0];
    *tracee = (struct tracee){.thread = program, .process = program};
    long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEEXEC | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK
        | PTRACE_O_TRACECLONE;
    if (request(PTRACE_SEIZE, program, options) != 0) die("PTRACE_SEIZE");
    request(PTRACE_INTERRUPT, program, 0);
    int status;
    if (waitpid(program, &status, __WALL) != program) die("waitpid");
    request(PTRACE_SYSCALL, program, 0);
    if (write(ready, "", 1) != 1) die("write");
    close(ready);
    trace();
    _exit(0);
}

static void be_traced(void) {
    int ready[2];
    char byte;
    if (pipe2(ready, O_CLOEXEC) != 0) die("pipe2");
    prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);
    pid_t program = getpid(), between = fork();
    if (between < 0) die("fork");
    if (between == 0) {
        if (fork() != 0) _exit(0);
        setsid();
        out = fopen(log_path[0] ? log_path : "/dev/null", "ae");
        if (!out) die(log_path);
        /* Nothing of the program's stays open here: not its locks, not its pipes. */
        int null = open("/dev/null", O_RDWR);
        for (int number = 0; number < 3; number++) dup2(null, number);
        for (int number = 3; number < 64; number++)
            if (number != fileno(out) && number != ready[1]) close(number);
        attach(program, ready[1]);
    }
    waitpid(between, NULL, 0);
    close(ready[1]);
    if (read(ready[0], &byte, 1) != 1) {
        fprintf(stderr, "injector: the tracer did not come\n");
        exit(121);
    }
    close(ready[0]);
}

/* One plan of this program's folder, taken so that no other start has it. */
static int take_plan(const char *self, char *plan, size_t size) {
    char path[4096], target[4096];
    snprintf(path, sizeof path, "%s.plans", self);
    DIR *folder = opendir(path);
    int is_taken = 0;
    for (struct dirent *entry; folder && !is_taken && (entry = readdir(folder));) {
        if (entry->d_name[0] == '.') continue;
        snprintf(path, sizeof path, "%s.plans/%s", self, entry->d_name);
        snprintf(target, sizeof target, "%s.taken/%s", self, entry->d_name);
        is_taken = rename(path, target) == 0;
        if (is_taken) snprintf(plan, size, "%s", target);
    }
    if (folder) closedir(folder);
    return is_taken;
}

int main(int count, char **words) {
    char self[2048], plan[8192], program[2100];
    ssize_t size = readlink("/proc/self/exe", self, sizeof self - 1);
    if (size < 0) die("/proc/self/exe");
    self[size] = 0;
    if (strcmp(strrchr(self, '/'), "/injector") == 0) {
        if (count < 3) {
            fprintf(stderr, "usage: injector PLAN PROGRAM [WORD...]\n");
            return 64;
        }
        read_plan(words[1]);
        be_traced();
        execv(words[2], words + 2);
        die(words[2]);
    }
    if (take_plan(self, plan, sizeof plan)) {
        read_plan(plan);
        be_traced();
    }
    snprintf(program, sizeof program, "%s.real", self);
    execv(program, words);
    die(program);
}
