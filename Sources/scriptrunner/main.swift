// scriptrunner: to be written.
