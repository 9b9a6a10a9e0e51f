// What brings jobs and people together: sweeps, groups, and jobs that follow others.

let sweepsOfJobs: StaticString = """
    -- Jobs of one script that were submitted together, each with other values. Their numbers follow each other.
    CREATE TABLE sweeps (
        id              INTEGER PRIMARY KEY AUTOINCREMENT,
        user_id         INTEGER NOT NULL REFERENCES users (id),
        script          TEXT NOT NULL,
        -- How many jobs it began with.
        size            INTEGER NOT NULL CHECK (size > 1),
        created_at      INTEGER NOT NULL,
        -- When the last of its jobs was over and its mail was written; NULL until then.
        ended_at        INTEGER
    ) STRICT;
    -- jobs.expires_at of a job that is over stays NULL until its whole sweep is over: the outputs belong together.
    ALTER TABLE jobs ADD COLUMN sweep_id INTEGER REFERENCES sweeps (id);
    -- 1: lists of jobs do not show it but the last of its sweep, which stands for all.
    ALTER TABLE jobs ADD COLUMN is_folded INTEGER NOT NULL DEFAULT 0 CHECK (is_folded IN (0, 1));
    CREATE INDEX jobs_by_sweep ON jobs (sweep_id, state) WHERE sweep_id IS NOT NULL;
    """

let groupsOfPeople: StaticString = """
    -- Who is in which group. A group is there as long as somebody is in it; scripts say which of them they are for.
    CREATE TABLE group_members (
        -- As it stands in scripts; compared exactly.
        group_name      TEXT NOT NULL CHECK (length(group_name) BETWEEN 1 AND 64 AND
                            group_name NOT GLOB '*[^A-Za-z0-9_.-]*'),
        user_id         INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
        PRIMARY KEY (group_name, user_id)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX group_members_by_user ON group_members (user_id);
    """

let following: StaticString = """
    -- Which jobs a job follows: it starts once all of them have succeeded, and is cancelled when one of them ends in another
    -- way. They are older than it, so none can wait for itself.
    CREATE TABLE job_dependencies (
        job_id          INTEGER NOT NULL REFERENCES jobs (id),
        after_id        INTEGER NOT NULL REFERENCES jobs (id),
        PRIMARY KEY (job_id, after_id),
        CHECK (after_id < job_id)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX job_dependencies_by_after ON job_dependencies (after_id);

    -- 1: a job that it follows has not succeeded yet. Then it is held besides, so that it is in no index of the queue,
    -- however many wait so.
    ALTER TABLE jobs ADD COLUMN awaits INTEGER NOT NULL DEFAULT 0 CHECK (awaits IN (0, 1) AND (awaits = 0 OR held = 1));
    -- 1: the admin keeps a job back that awaits others: it stays held when they have succeeded.
    ALTER TABLE jobs ADD COLUMN held_by_admin INTEGER NOT NULL DEFAULT 0 CHECK (held_by_admin IN (0, 1));

    -- A further kind of parameter: a file that another job leaves, by its path below that job's folder. The condition of a
    -- column cannot be changed in place.
    CREATE TABLE new_job_parameters (
        job_id          INTEGER NOT NULL REFERENCES jobs (id),
        position        INTEGER NOT NULL,
        name            TEXT NOT NULL,
        kind            TEXT NOT NULL CHECK (kind IN ('text', 'input', 'shared', 'output', 'secret', 'result')),
        value           TEXT NOT NULL,
        file_id         INTEGER REFERENCES files (id),
        -- The job that leaves the file. As long as this one is not over, it stays; later it may be gone, and its number never
        -- comes again.
        source_job      INTEGER,
        PRIMARY KEY (job_id, position),
        CHECK ((source_job IS NOT NULL) = (kind = 'result'))
    ) STRICT, WITHOUT ROWID;
    INSERT INTO new_job_parameters SELECT job_id, position, name, kind, value, file_id, NULL FROM job_parameters;
    DROP TABLE job_parameters;
    ALTER TABLE new_job_parameters RENAME TO job_parameters;
    CREATE INDEX job_parameters_by_file ON job_parameters (file_id) WHERE file_id IS NOT NULL;
    CREATE INDEX job_parameters_by_secret ON job_parameters (value) WHERE kind = 'secret';
    """
