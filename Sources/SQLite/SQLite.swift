// SQLite: to be written.
