// JobQueue: to be written.
