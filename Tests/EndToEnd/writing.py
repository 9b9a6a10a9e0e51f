"""Changes in a site's database that no visitor can make, such as time that has gone by."""

import contextlib
import fcntl
import sqlite3


@contextlib.contextmanager
def write_lock(site):
    """Holds the lock that every writer of the database takes."""
    with open(site.state / "db/scriptrunner.sqlite.lock", "rb+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def write_locked(site, sql, *values):
    """Runs one statement; the caller holds the lock. The site runs, so this connection is never the last one."""
    connection = sqlite3.connect(f"file:{site.state}/db/scriptrunner.sqlite?mode=rw", uri=True)
    try:
        # Checkpoints are the worker's.
        connection.execute("PRAGMA wal_autocheckpoint = 0")
        with connection:
            return connection.execute(sql, values).rowcount
    finally:
        connection.close()


def write(site, sql, *values):
    with write_lock(site):
        return write_locked(site, sql, *values)


def waiting_for_locks():
    """The processes that wait for a lock of somebody else's."""
    with open("/proc/locks") as locks:
        return {int(line.split()[5]) for line in locks if "-> FLOCK" in line}
