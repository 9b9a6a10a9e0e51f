internal import SQLite

// The database, explained table by table and column by column.
//
// The first tables are here, later ones in the files beside.
//
// All tables are STRICT. Times are integer milliseconds since 1970 UTC, spans are milliseconds, sizes are bytes. A
// migration is appended here and never edited, and must keep the previous release working: new columns have defaults.

/// The migrations in order; the database's `user_version` is how many of them it has had.
let migrations: [StaticString] = [
    firstSchema, indexesForCleaning, queueOfManyJobs, richForms, sweepsOfJobs, groupsOfPeople, following,
]

let firstSchema: StaticString = """
    -- People. Everywhere else a user is a number; the address is an attribute.
    CREATE TABLE users (
        id              INTEGER PRIMARY KEY AUTOINCREMENT,
        -- The e-mail address as signed up with, ASCII letters in lower case, so that one address is one account.
        email           TEXT NOT NULL UNIQUE CHECK (length(email) BETWEEN 3 AND 254),
        -- Argon2id, self-describing; NULL for an identity that the web server vouches for.
        password_hash   TEXT,
        created_at      INTEGER NOT NULL,
        -- When the admin closed the account; NULL while it is open.
        disabled_at     INTEGER,
        -- When a job of this user was started last: whose turn it is depends on it.
        last_start_at   INTEGER NOT NULL DEFAULT 0
    ) STRICT;

    -- Who is signed in. The cookie holds a random token, the row only its hash.
    CREATE TABLE sessions (
        id              INTEGER PRIMARY KEY AUTOINCREMENT,
        -- SHA-256 of the cookie's 32 random bytes.
        token_hash      BLOB NOT NULL UNIQUE CHECK (length(token_hash) = 32),
        user_id         INTEGER NOT NULL REFERENCES users (id),
        created_at      INTEGER NOT NULL,
        -- Refreshed at most every ten minutes, so that a page view writes nothing.
        last_seen_at    INTEGER NOT NULL,
        expires_at      INTEGER NOT NULL,
        -- What the browser said of itself at sign-in, to tell sessions apart on the account page.
        user_agent      TEXT NOT NULL DEFAULT ''
    ) STRICT;
    CREATE INDEX sessions_by_user ON sessions (user_id);
    CREATE INDEX sessions_by_expiry ON sessions (expires_at);

    -- The inbox: one row for each uploaded file, which never changes. Jobs refer to the row, so uploading the same name
    -- again never changes what a queued job will read. On disk: inbox_dir/USER-NUMBER/UID/NAME.
    CREATE TABLE files (
        id              INTEGER PRIMARY KEY AUTOINCREMENT,
        user_id         INTEGER NOT NULL REFERENCES users (id),
        -- Names the folder: 32 random hexadecimal digits.
        uid             TEXT NOT NULL UNIQUE CHECK (length(uid) = 32),
        -- The name as shown and as the script sees it, made safe: no slash, no control characters, no leading dot or dash.
        name            TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 255),
        size            INTEGER NOT NULL CHECK (size >= 0),
        sha256          BLOB NOT NULL CHECK (length(sha256) = 32),
        created_at      INTEGER NOT NULL,
        expires_at      INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX files_by_user ON files (user_id, id);
    CREATE INDEX files_by_expiry ON files (expires_at);

    -- Scripts as they were when a job was submitted: provenance, stored once for each content.
    CREATE TABLE script_copies (
        -- SHA-256 of the content.
        hash            BLOB PRIMARY KEY CHECK (length(hash) = 32),
        content         BLOB NOT NULL,
        created_at      INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE jobs (
        -- AUTOINCREMENT: a number never comes again, even after the cleaner emptied the table.
        id              INTEGER PRIMARY KEY AUTOINCREMENT,
        -- Names the job's folders: 32 random hexadecimal digits.
        uid             TEXT NOT NULL UNIQUE CHECK (length(uid) = 32),
        -- Comes with each form; a form sent twice is one job.
        nonce           BLOB NOT NULL CHECK (length(nonce) = 16),
        user_id         INTEGER NOT NULL REFERENCES users (id),
        -- The script's file name in script_dir, and the content that was submitted.
        script          TEXT NOT NULL,
        script_hash     BLOB NOT NULL REFERENCES script_copies (hash),
        state           TEXT NOT NULL DEFAULT 'queued' CHECK (state IN (
                            'queued', 'starting', 'running', 'stopping', 'succeeded', 'failed', 'cancelled',
                            'timed_out', 'out_of_memory', 'output_limit', 'lost')),
        -- 1: stays queued until the admin releases it.
        held            INTEGER NOT NULL DEFAULT 0 CHECK (held IN (0, 1)),
        -- Higher goes first.
        priority        INTEGER NOT NULL DEFAULT 0,
        -- Not started before this time (a pause before another attempt).
        not_before      INTEGER NOT NULL DEFAULT 0,
        -- What it needs of the machine; both NULL: all of it.
        needs_cpus      INTEGER CHECK (needs_cpus > 0),
        needs_memory    INTEGER CHECK (needs_memory > 0),
        -- Longest time that an attempt may run; NULL: as long as it takes.
        time_limit      INTEGER CHECK (time_limit > 0),
        -- The number of the present or last attempt; 0 before the first.
        attempt         INTEGER NOT NULL DEFAULT 0,
        queued_at       INTEGER NOT NULL,
        -- When the script began (not the claim), and when the end was known.
        started_at      INTEGER,
        ended_at        INTEGER,
        -- What the script exited with, or the signal that ended it. Both NULL when nobody knows: never a made-up 0.
        exit_code       INTEGER CHECK (exit_code BETWEEN 0 AND 255),
        signal          INTEGER CHECK (signal BETWEEN 1 AND 64),
        -- Why it is as it is, a sentence for people; NULL when there is nothing to add.
        reason          TEXT,
        -- A wish of a page; the worker acts on it.
        stop_requested_at INTEGER,
        -- When outputs, log and this row go; NULL while the job is not over.
        expires_at      INTEGER,
        UNIQUE (user_id, nonce),
        CHECK ((ended_at IS NULL) = (state IN ('queued', 'starting', 'running', 'stopping'))),
        CHECK (exit_code IS NULL OR signal IS NULL),
        CHECK (state <> 'succeeded' OR exit_code IS 0)
    ) STRICT;
    CREATE INDEX jobs_by_user ON jobs (user_id, id);
    CREATE INDEX jobs_queued ON jobs (priority DESC, user_id, id) WHERE state = 'queued' AND held = 0;
    CREATE INDEX jobs_live ON jobs (state, user_id) WHERE state IN ('starting', 'running', 'stopping');
    CREATE INDEX jobs_by_expiry ON jobs (expires_at) WHERE expires_at IS NOT NULL;

    -- Only these changes of state exist (docs/job-states.md draws them); the database refuses any other.
    CREATE TRIGGER jobs_transition BEFORE UPDATE OF state ON jobs
    WHEN (OLD.state, NEW.state) NOT IN (VALUES
        ('queued', 'starting'), ('queued', 'cancelled'),
        ('starting', 'queued'), ('starting', 'running'), ('starting', 'stopping'), ('starting', 'cancelled'),
        ('starting', 'failed'), ('starting', 'lost'),
        ('running', 'stopping'), ('running', 'succeeded'), ('running', 'failed'), ('running', 'timed_out'),
        ('running', 'out_of_memory'), ('running', 'output_limit'), ('running', 'lost'),
        ('stopping', 'succeeded'), ('stopping', 'failed'), ('stopping', 'cancelled'), ('stopping', 'timed_out'),
        ('stopping', 'out_of_memory'), ('stopping', 'output_limit'), ('stopping', 'lost'),
        ('failed', 'queued'), ('lost', 'queued'))
    BEGIN
        SELECT RAISE (ABORT, 'a job cannot change its state in this way');
    END;
    CREATE TRIGGER jobs_first_state BEFORE INSERT ON jobs WHEN NEW.state <> 'queued'
    BEGIN
        SELECT RAISE (ABORT, 'a job begins as queued');
    END;

    -- What the user chose, in the order of the script's annotations, which is the order of its arguments.
    CREATE TABLE job_parameters (
        job_id          INTEGER NOT NULL REFERENCES jobs (id),
        position        INTEGER NOT NULL,
        name            TEXT NOT NULL,
        -- text: the value itself; input: a file of the requester's inbox; shared: a file of the shared inbox;
        -- output: a file name in the job's folder.
        kind            TEXT NOT NULL CHECK (kind IN ('text', 'input', 'shared', 'output')),
        -- The text, or the file's name.
        value           TEXT NOT NULL,
        -- The inbox file; NULL for other kinds, and once that file is gone.
        file_id         INTEGER REFERENCES files (id),
        PRIMARY KEY (job_id, position)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX job_parameters_by_file ON job_parameters (file_id) WHERE file_id IS NOT NULL;

    -- Each try at running a job. Its folder is state_dir/attempts/JOB-UID.NUMBER.
    CREATE TABLE attempts (
        job_id          INTEGER NOT NULL REFERENCES jobs (id),
        -- From 1.
        number          INTEGER NOT NULL,
        -- Which worker claimed it (workers.generation).
        generation      INTEGER NOT NULL,
        claimed_at      INTEGER NOT NULL,
        -- Identify processes beyond doubt: a number is reused, number + start time + boot are not. start: clock ticks
        -- since boot, field 22 of /proc/PID/stat.
        boot_id         TEXT NOT NULL DEFAULT '',
        guard_pid       INTEGER,
        script_pid      INTEGER,
        script_start    INTEGER,
        started_at      INTEGER,
        ended_at        INTEGER,
        exit_code       INTEGER,
        signal          INTEGER,
        -- What the processes of the attempt used, as wait4(2) tells: bytes and milliseconds.
        max_rss         INTEGER,
        user_time       INTEGER,
        system_time     INTEGER,
        log_bytes       INTEGER,
        PRIMARY KEY (job_id, number)
    ) STRICT, WITHOUT ROWID;

    -- Every change of state, written in the transaction that made it.
    CREATE TABLE events (
        id              INTEGER PRIMARY KEY AUTOINCREMENT,
        job_id          INTEGER NOT NULL REFERENCES jobs (id),
        attempt         INTEGER NOT NULL,
        at              INTEGER NOT NULL,
        -- NULL for the first.
        from_state      TEXT,
        to_state        TEXT NOT NULL,
        -- Which program did it: submit, jobs, worker, scriptrunner.
        actor           TEXT NOT NULL,
        detail          TEXT NOT NULL DEFAULT ''
    ) STRICT;
    CREATE INDEX events_by_job ON events (job_id, id);

    -- The mail queue. A row comes in the transaction of what it tells about.
    CREATE TABLE mails (
        id              INTEGER PRIMARY KEY AUTOINCREMENT,
        job_id          INTEGER NOT NULL REFERENCES jobs (id),
        attempt         INTEGER NOT NULL,
        kind            TEXT NOT NULL CHECK (kind IN ('started', 'ended')),
        -- One address.
        recipient       TEXT NOT NULL,
        subject         TEXT NOT NULL,
        body            TEXT NOT NULL,
        created_at      INTEGER NOT NULL,
        -- When to try next.
        due_at          INTEGER NOT NULL,
        tries           INTEGER NOT NULL DEFAULT 0,
        state           TEXT NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'sent', 'given_up')),
        sent_at         INTEGER,
        -- What the mail server said when it last refused.
        last_error      TEXT,
        UNIQUE (job_id, attempt, kind),
        CHECK ((sent_at IS NOT NULL) = (state = 'sent'))
    ) STRICT;
    CREATE INDEX mails_due ON mails (due_at) WHERE state = 'queued';

    -- The one worker. Each start takes the next generation and from then on refuses to write under an older one.
    CREATE TABLE workers (
        id              INTEGER PRIMARY KEY CHECK (id = 1),
        generation      INTEGER NOT NULL,
        pid             INTEGER NOT NULL,
        boot_id         TEXT NOT NULL,
        started_at      INTEGER NOT NULL,
        version         TEXT NOT NULL
    ) STRICT;
    """

let indexesForCleaning: StaticString = """
    -- Whether a script copy is still referred to: the cleaner asks it, and so does the foreign key when a copy goes.
    CREATE INDEX jobs_by_script_copy ON jobs (script_hash);
    -- A queued job that is held is in no other index: what it is going to use has to be found too.
    CREATE INDEX jobs_held ON jobs (state) WHERE held = 1;
    """

let queueOfManyJobs: StaticString = """
    -- Attempts that may still follow: after a failure, and after nobody knows how one ended (only where the script is
    -- declared idempotent).
    ALTER TABLE jobs ADD COLUMN retries_left INTEGER NOT NULL DEFAULT 0 CHECK (retries_left >= 0);
    ALTER TABLE jobs ADD COLUMN reruns_left INTEGER NOT NULL DEFAULT 0 CHECK (reruns_left >= 0);
    -- Starts in a row that came to nothing before the script began.
    ALTER TABLE jobs ADD COLUMN vain_starts INTEGER NOT NULL DEFAULT 0 CHECK (vain_starts >= 0);
    -- How many jobs of this script run at once: of one requester, and all together. NULL: as many as fit.
    ALTER TABLE jobs ADD COLUMN per_user_limit INTEGER CHECK (per_user_limit > 0);
    ALTER TABLE jobs ADD COLUMN total_limit INTEGER CHECK (total_limit > 0);
    -- 1: it was the admin who wished it to stop, not its requester.
    ALTER TABLE jobs ADD COLUMN stop_by_admin INTEGER NOT NULL DEFAULT 0 CHECK (stop_by_admin IN (0, 1));

    -- The queue by requester and script: whose turn it is, where jobs of one script may have to wait for each other.
    CREATE INDEX jobs_in_turn ON jobs (priority DESC, user_id, script, id, not_before)
        WHERE state = 'queued' AND held = 0;
    -- Those that pause, or paused, before another attempt.
    CREATE INDEX jobs_pausing ON jobs (not_before) WHERE state = 'queued' AND held = 0 AND not_before > 0;

    -- What it was given of the machine; both NULL: all of it.
    ALTER TABLE attempts ADD COLUMN cpus INTEGER CHECK (cpus > 0);
    ALTER TABLE attempts ADD COLUMN memory INTEGER CHECK (memory > 0);
    -- The second process of the supervisor; start as in script_start.
    ALTER TABLE attempts ADD COLUMN guard_start INTEGER;
    ALTER TABLE attempts ADD COLUMN shim_pid INTEGER;
    ALTER TABLE attempts ADD COLUMN shim_start INTEGER;
    -- When its requester was sent a warning while it ran; NULL: not yet.
    ALTER TABLE attempts ADD COLUMN warned_at INTEGER;
    -- Why it ended as it did, a sentence; NULL when there is nothing to add to exit code and signal.
    ALTER TABLE attempts ADD COLUMN cause TEXT;

    -- The queue as a whole: one row.
    CREATE TABLE queue (
        id              INTEGER PRIMARY KEY CHECK (id = 1),
        -- Since when nothing is started because the admin said so, and who; NULL: it goes on.
        drained_at      INTEGER,
        drained_by      TEXT,
        -- Why the worker starts nothing at present, a sentence, and since when; NULL: nothing is in the way.
        stalled_reason  TEXT,
        stalled_at      INTEGER,
        -- What the worker found that there is for jobs; NULL: no worker has looked yet.
        machine_cpus    INTEGER CHECK (machine_cpus > 0),
        machine_memory  INTEGER CHECK (machine_memory > 0),
        -- The job whose turn it is and that waits for room: its requester keeps the turn.
        head_job        INTEGER,
        CHECK ((drained_at IS NULL) = (drained_by IS NULL)),
        CHECK ((stalled_at IS NULL) = (stalled_reason IS NULL)),
        CHECK ((machine_cpus IS NULL) = (machine_memory IS NULL))
    ) STRICT;
    INSERT INTO queue (id) VALUES (1);

    -- A further kind of mail: a warning while the job runs. The condition of a column cannot be changed in place.
    CREATE TABLE new_mails (
        id              INTEGER PRIMARY KEY AUTOINCREMENT,
        job_id          INTEGER NOT NULL REFERENCES jobs (id),
        attempt         INTEGER NOT NULL,
        kind            TEXT NOT NULL CHECK (kind IN ('started', 'warning', 'ended')),
        -- One address.
        recipient       TEXT NOT NULL,
        subject         TEXT NOT NULL,
        body            TEXT NOT NULL,
        created_at      INTEGER NOT NULL,
        -- When to try next.
        due_at          INTEGER NOT NULL,
        tries           INTEGER NOT NULL DEFAULT 0,
        state           TEXT NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'sent', 'given_up')),
        sent_at         INTEGER,
        -- What the mail server said when it last refused.
        last_error      TEXT,
        UNIQUE (job_id, attempt, kind),
        CHECK ((sent_at IS NOT NULL) = (state = 'sent'))
    ) STRICT;
    INSERT INTO new_mails SELECT id, job_id, attempt, kind, recipient, subject, body, created_at, due_at, tries, state,
        sent_at, last_error FROM mails;
    -- Numbers never come again, even where the last mails are gone.
    DELETE FROM sqlite_sequence WHERE name = 'new_mails';
    INSERT INTO sqlite_sequence (name, seq) SELECT 'new_mails', seq FROM sqlite_sequence WHERE name = 'mails';
    DROP TABLE mails;
    ALTER TABLE new_mails RENAME TO mails;
    CREATE INDEX mails_due ON mails (due_at) WHERE state = 'queued';
    """

let richForms: StaticString = """
    -- Several files of one parameter are several rows of the same name, one after another. And a further kind: a secret, of
    -- which the value is the name of its file in state_dir/secrets. The condition of a column cannot be changed in place.
    CREATE TABLE new_job_parameters (
        job_id          INTEGER NOT NULL REFERENCES jobs (id),
        position        INTEGER NOT NULL,
        name            TEXT NOT NULL,
        kind            TEXT NOT NULL CHECK (kind IN ('text', 'input', 'shared', 'output', 'secret')),
        value           TEXT NOT NULL,
        file_id         INTEGER REFERENCES files (id),
        PRIMARY KEY (job_id, position)
    ) STRICT, WITHOUT ROWID;
    INSERT INTO new_job_parameters SELECT job_id, position, name, kind, value, file_id FROM job_parameters;
    DROP TABLE job_parameters;
    ALTER TABLE new_job_parameters RENAME TO job_parameters;
    CREATE INDEX job_parameters_by_file ON job_parameters (file_id) WHERE file_id IS NOT NULL;
    CREATE INDEX job_parameters_by_secret ON job_parameters (value) WHERE kind = 'secret';
    """
