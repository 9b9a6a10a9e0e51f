// The reference's door to the product's database: the same schema, transactions and durability.
#pragma once

#include <stdint.h>

#include "protocol.h"

enum { MOST_CLAIMS = 32 };

// A live job, from its claim until its end is stored.
typedef struct {
    int64_t id, user, attempt;
    char uid[33], name[64], script[256], email[256];
    unsigned char hash[32];
    enum { FREE, STARTING, RUNNING } state;
    pid_t child;  // its supervisor, when it is ours
    int guard;    // a pidfd of the guard, 0 while it is not watched
    int called;   // somebody says that there is news
    // What the last look has found and no transaction has stored yet.
    int has_begun, has_ended, is_lost;
    Ticket ticket;
    Record record;
} Job;

// Opens the database and begins a new worker's rule.
void open_store(const char *path);
// Whether a job waits, as far as can be told without the write lock.
int is_anybody_next(void);
// In one durable transaction: stores what the looks have found, then claims at most `room` jobs into `claimed`.
int import_and_claim(Job *const *found, int found_count, Job **claimed, int room);
// The live jobs of an earlier worker, one a call: 1, or 0 after the last.
int next_live(Job *job);
// Puts a job's parameters behind the program's name in argv; returns how many.
int parameters_of(int64_t job, char **arguments, int room);
// When the next mail is due, in milliseconds since 1970; -1 when none waits.
int64_t next_mail(void);
// Moves pages into the database when the WAL has grown by a mebibyte.
void checkpoint_if_due(void);
