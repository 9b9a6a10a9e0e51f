// jobs: to be written.
