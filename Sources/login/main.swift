// login: to be written.
