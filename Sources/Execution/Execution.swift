// Execution: to be written.
