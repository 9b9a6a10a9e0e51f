// cleaner: to be written.
