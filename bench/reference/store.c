// See store.h. Statements are prepared once. Every write transaction and every checkpoint holds the flock beside the database.

#include "store.h"

#include <sqlite3.h>
#include <stdarg.h>
#include <sys/file.h>

enum { WAL_TO_CHECKPOINT = 256 /* pages */, RETENTION = 7 * 86400 * 1000 };

static sqlite3 *database;
static int lock_file, pages_in_wal;
static int64_t generation;

typedef struct {
    const char *sql;
    sqlite3_stmt *handle;
} Statement;

static void check(int code) {
    if (code == SQLITE_OK || code == SQLITE_ROW || code == SQLITE_DONE) return;
    dprintf(2, "reference: SQLite: %s\n", sqlite3_errmsg(database));
    exit(70);
}

// Runs a statement to its first row; says whether there is one. `types` has a letter for each value: i is an int64_t, n one
// that is NULL when it is negative, t a text.
static int step(Statement *statement, const char *types, ...) {
    if (!statement->handle) check(sqlite3_prepare_v3(database, statement->sql, -1, SQLITE_PREPARE_PERSISTENT, &statement->handle, NULL));
    sqlite3_reset(statement->handle);
    va_list values;
    va_start(values, types);
    for (int i = 1; *types; types++, i++) {
        if (*types == 't') {
            check(sqlite3_bind_text(statement->handle, i, va_arg(values, char *), -1, SQLITE_TRANSIENT));
        } else {
            int64_t value = va_arg(values, int64_t);
            check(*types == 'n' && value < 0 ? sqlite3_bind_null(statement->handle, i)
                                             : sqlite3_bind_int64(statement->handle, i, value));
        }
    }
    va_end(values);
    int code = sqlite3_step(statement->handle);
    check(code);
    // A read that is not reset would hold its snapshot.
    if (code == SQLITE_DONE) sqlite3_reset(statement->handle);
    return code == SQLITE_ROW;
}

static int64_t number(Statement *statement) { return sqlite3_column_int64(statement->handle, 0); }
static void done(Statement *statement) { sqlite3_reset(statement->handle); }

static void copy(char *into, size_t room, Statement *from, int column) {
    snprintf(into, room, "%s", (const char *)sqlite3_column_text(from->handle, column));
}

static int note_pages(void *unused, sqlite3 *db, const char *name, int pages) {
    (void)unused, (void)db, (void)name;
    pages_in_wal = pages;
    return SQLITE_OK;
}

static void begin(void) {
    static Statement begin = {"BEGIN IMMEDIATE", NULL}, rule = {"SELECT generation FROM workers", NULL};
    sure(flock(lock_file, LOCK_EX), "flock");
    step(&begin, "");
    if (generation && (!step(&rule, "") || number(&rule) != generation)) exit(75);
    if (generation) done(&rule);
}

static void commit(void) {
    static Statement commit = {"COMMIT", NULL};
    step(&commit, "");
    flock(lock_file, LOCK_UN);
}

void open_store(const char *path) {
    char beside[4096];
    snprintf(beside, sizeof beside, "%s.lock", path);
    lock_file = (int)sure(open(beside, O_RDWR | O_CREAT | O_CLOEXEC, 0600), beside);
    check(sqlite3_open_v2(path, &database, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL));
    sqlite3_busy_timeout(database, 5000);
    sqlite3_db_config(database, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    sqlite3_db_config(database, SQLITE_DBCONFIG_ENABLE_FKEY, 1, NULL);
    sqlite3_wal_autocheckpoint(database, 0);
    sqlite3_wal_hook(database, note_pages, NULL);
    check(sqlite3_exec(database, "PRAGMA synchronous = FULL; PRAGMA journal_size_limit = 67108864", NULL, NULL, NULL));
    static Statement rule = {
        "INSERT INTO workers (id, generation, pid, boot_id, started_at, version) VALUES (1, 1, ?, ?, ?, 'reference') ON CONFLICT (id) DO UPDATE SET generation = generation + 1 "
        "RETURNING generation", NULL};
    begin();
    step(&rule, "iti", (int64_t)getpid(), boot_id(), now());
    generation = number(&rule);
    done(&rule);
    commit();
}

// The product's order: priority, fewest live jobs of a requester, longest ago, first come.
static int64_t next_in_turn(void) {
    static Statement next = {
        "WITH RECURSIVE"
        " top (priority) AS ("
        "   SELECT priority FROM jobs WHERE state = 'queued' AND held = 0 AND not_before <= ?1"
        "    ORDER BY priority DESC LIMIT 1),"
        " requesters (user_id) AS ("
        "   SELECT (SELECT user_id FROM jobs WHERE state = 'queued' AND held = 0 AND priority = top.priority"
        "            ORDER BY user_id LIMIT 1) FROM top"
        "   UNION ALL"
        "   SELECT (SELECT user_id FROM jobs WHERE state = 'queued' AND held = 0"
        "              AND priority = (SELECT priority FROM top) AND user_id > requesters.user_id"
        "            ORDER BY user_id LIMIT 1)"
        "     FROM requesters WHERE user_id IS NOT NULL),"
        " heads (job_id, live, last_start_at) AS ("
        "   SELECT (SELECT id FROM jobs WHERE state = 'queued' AND held = 0"
        "              AND priority = (SELECT priority FROM top) AND user_id = requesters.user_id"
        "              AND not_before <= ?1 ORDER BY id LIMIT 1),"
        "          (SELECT count(*) FROM jobs WHERE state IN ('starting', 'running', 'stopping')"
        "              AND user_id = requesters.user_id),"
        "          last_start_at"
        "     FROM requesters JOIN users ON users.id = requesters.user_id)"
        " SELECT job_id FROM heads WHERE job_id IS NOT NULL ORDER BY live, last_start_at, job_id LIMIT 1", NULL};
    int64_t job = 0;
    if (step(&next, "i", now())) job = number(&next), done(&next);
    return job;
}

int is_anybody_next(void) { return next_in_turn() != 0; }

static void note(const Job *job, const char *from, const char *to) {
    static Statement event = {
        "INSERT INTO events (job_id, attempt, at, from_state, to_state, actor, detail) VALUES (?, ?, ?, ?, ?, 'worker', '')", NULL};
    step(&event, "iiitt", job->id, job->attempt, now(), from, to);
}

static void enqueue(const Job *job, const char *kind, const char *outcome, const char *sentence) {
    static Statement mail = {
        "INSERT INTO mails (job_id, attempt, kind, recipient, subject, body, created_at, due_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?) "
        "ON CONFLICT (job_id, attempt, kind) DO NOTHING", NULL};
    char subject[512], body[1024], day[32];
    time_t seconds = time(NULL);
    strftime(day, sizeof day, "%Y-%m-%d %H:%M UTC", gmtime(&seconds));
    snprintf(subject, sizeof subject, "Job #%lld [%s] %s", (long long)job->id, job->script, outcome);
    snprintf(body, sizeof body, "Your job #%lld (%s) %s on %s.\n\n%s\n\nhttp://localhost:8080/jobs/%lld\n", (long long)job->id,
             job->script, kind, day, sentence, (long long)job->id);
    int64_t at = now();
    step(&mail, "iittttii", job->id, job->attempt, kind, job->email, subject, body, at, at);
}

static void store_beginning(Job *job) {
    static Statement state = {"UPDATE jobs SET state = 'running', started_at = ? WHERE id = ? AND state = 'starting'", NULL};
    static Statement attempt = {
        "UPDATE attempts SET started_at = ?, boot_id = ?, guard_pid = ?, script_pid = ?, script_start = ? "
        "WHERE job_id = ? AND number = ?", NULL};
    const Ticket *ticket = &job->ticket;
    step(&state, "ii", (int64_t)ticket->at, job->id);
    note(job, "starting", "running");
    step(&attempt, "itiiiii", (int64_t)ticket->at, ticket->boot, (int64_t)ticket->guard, (int64_t)ticket->script,
         (int64_t)ticket->start, job->id, job->attempt);
    enqueue(job, "started", "Started", "Watch it here. Another mail comes when it ends.");
    job->state = RUNNING;
}

static void store_end(Job *job) {
    static Statement state = {
        "UPDATE jobs SET state = ?, ended_at = ?, exit_code = ?, signal = ?, expires_at = ? WHERE id = ?", NULL};
    static Statement attempt = {
        "UPDATE attempts SET ended_at = ?, exit_code = ?, signal = ?, max_rss = ?, user_time = ?, system_time = ?, "
        "log_bytes = ? WHERE job_id = ? AND number = ?", NULL};
    const Record *record = &job->record;
    int64_t status = !job->is_lost && record->kind == 1 ? record->value : -1;
    int64_t end_signal = !job->is_lost && record->kind == 2 ? record->value : -1;
    int64_t at = job->is_lost ? now() : record->ended_at;
    const char *from = job->state == RUNNING ? "running" : "starting";
    const char *to = job->is_lost ? "lost" : status == 0 ? "succeeded" : "failed";
    step(&state, "tinnii", to, at, status, end_signal, at + RETENTION, job->id);
    note(job, from, to);
    step(&attempt, "inniiiiii", at, status, end_signal, record->max_rss, record->user_time, record->system_time,
         record->log_bytes, job->id, job->attempt);
    enqueue(job, "ended", status == 0 ? "Complete" : "Failed", "Outputs and log are kept for seven days.");
}

// Columns as in both queries over jobs joined with users.
#define JOB_COLUMNS "jobs.id, user_id, attempt, uid, script, email, script_hash, state"

static void read_job(Statement *from, Job *job) {
    *job = (Job){.id = sqlite3_column_int64(from->handle, 0), .user = sqlite3_column_int64(from->handle, 1),
                 .attempt = sqlite3_column_int64(from->handle, 2), .state = STARTING};
    copy(job->uid, sizeof job->uid, from, 3);
    copy(job->script, sizeof job->script, from, 4);
    copy(job->email, sizeof job->email, from, 5);
    memcpy(job->hash, sqlite3_column_blob(from->handle, 6), sizeof job->hash);
    if (strcmp((const char *)sqlite3_column_text(from->handle, 7), "running") == 0) job->state = RUNNING;
}

static void claim(int64_t id, Job *job) {
    static Statement read = {"SELECT " JOB_COLUMNS " FROM jobs JOIN users ON users.id = user_id WHERE jobs.id = ?", NULL};
    static Statement state = {"UPDATE jobs SET state = 'starting', attempt = ?, reason = NULL WHERE id = ? AND state = 'queued'", NULL};
    static Statement attempt = {"INSERT INTO attempts (job_id, number, generation, claimed_at) VALUES (?, ?, ?, ?)", NULL};
    static Statement turn = {"UPDATE users SET last_start_at = ? WHERE id = ?", NULL};
    step(&read, "i", id);
    read_job(&read, job);
    done(&read);
    job->state = STARTING;
    job->attempt++;
    snprintf(job->name, sizeof job->name, "%s.%lld", job->uid, (long long)job->attempt);
    step(&state, "ii", job->attempt, id);
    note(job, "queued", "starting");
    step(&attempt, "iiii", id, job->attempt, generation, now());
    step(&turn, "ii", now(), job->user);
}

int import_and_claim(Job *const *found, int found_count, Job **claimed, int room) {
    int count = 0;
    int64_t next;
    begin();
    for (int i = 0; i < found_count; i++) {
        if (found[i]->has_begun && found[i]->state == STARTING) store_beginning(found[i]);
        if (found[i]->has_ended) store_end(found[i]);
    }
    while (count < room && count < MOST_CLAIMS && (next = next_in_turn())) claim(next, claimed[count++]);
    commit();
    return count;
}

int next_live(Job *job) {
    static Statement live = {"SELECT " JOB_COLUMNS " FROM jobs JOIN users ON users.id = user_id "
                             "WHERE state IN ('starting', 'running', 'stopping') AND jobs.id > ? ORDER BY jobs.id LIMIT 1", NULL};
    if (!step(&live, "i", job->id)) return 0;
    read_job(&live, job);
    done(&live);
    snprintf(job->name, sizeof job->name, "%s.%lld", job->uid, (long long)job->attempt);
    return 1;
}

int parameters_of(int64_t job, char **arguments, int room) {
    static Statement parameters = {"SELECT value FROM job_parameters WHERE job_id = ? ORDER BY position", NULL};
    int count = 0;
    for (int more = step(&parameters, "i", job); more; more = sqlite3_step(parameters.handle) == SQLITE_ROW)
        if (count < room) arguments[count++] = strdup((const char *)sqlite3_column_text(parameters.handle, 0));
    done(&parameters);
    return count;
}

int64_t next_mail(void) {
    static Statement due = {"SELECT due_at FROM mails WHERE state = 'queued' ORDER BY due_at LIMIT 1", NULL};
    if (!step(&due, "")) return -1;
    int64_t at = number(&due);
    done(&due);
    return at;
}

void checkpoint_if_due(void) {
    if (pages_in_wal < WAL_TO_CHECKPOINT) return;
    sure(flock(lock_file, LOCK_EX), "flock");
    int code = sqlite3_wal_checkpoint_v2(database, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    flock(lock_file, LOCK_UN);
    if (code != SQLITE_BUSY) check(code);
    pages_in_wal = 0;
}
