// supervisor: to be written.
