// The bare limit: starts a program again and again and waits for it, with nothing around it.
//
//     spawn COUNT AT_ONCE PROGRAM      prints seconds of wall clock, and of CPU of all children
//     spawn COUNT first PROGRAM        prints for each the milliseconds to the time that the program itself writes

#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double seconds(clockid_t clock) {
    struct timespec time;
    clock_gettime(clock, &time);
    return time.tv_sec + time.tv_nsec / 1e9;
}

static void start(char *program, posix_spawn_file_actions_t *actions) {
    pid_t pid;
    char *environment[] = {"PATH=/usr/bin:/bin", "LANG=C.UTF-8", NULL};
    if (posix_spawn(&pid, program, actions, NULL, (char *[]){program, NULL}, environment) != 0) exit(71);
}

int main(int count, char **words) {
    if (count != 4) return 64;
    int jobs = atoi(words[1]), at_once = atoi(words[2]);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    if (strcmp(words[2], "first") == 0) {
        int ends[2];
        char told[64];
        if (pipe(ends) != 0) return 71;
        posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
        while (jobs--) {
            double begun = seconds(CLOCK_REALTIME);
            start(words[3], &actions);
            told[read(ends[0], told, sizeof told - 1)] = 0;
            wait(NULL);
            printf("%.3f\n", (atof(told) - begun) * 1000);
        }
        return 0;
    }
    double begun = seconds(CLOCK_MONOTONIC);
    for (int started = 0, ended = 0; ended < jobs;) {
        if (started < jobs && started - ended < at_once) {
            start(words[3], NULL);
            started++;
        } else {
            if (wait(NULL) > 0) ended++;
        }
    }
    double wall = seconds(CLOCK_MONOTONIC) - begun;
    struct rusage used;
    getrusage(RUSAGE_CHILDREN, &used);
    printf("%.6f %.6f\n", wall, used.ru_utime.tv_sec + used.ru_stime.tv_sec + (used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6);
    return 0;
}
