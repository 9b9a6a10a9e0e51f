// Scripts: to be written.
