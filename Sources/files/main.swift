// files: to be written.
