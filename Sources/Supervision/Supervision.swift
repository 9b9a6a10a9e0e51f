// Supervision: to be written.
