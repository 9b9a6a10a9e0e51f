// signup: to be written.
