// account: to be written.
