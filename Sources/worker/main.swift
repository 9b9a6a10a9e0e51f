// worker: to be written.
