// submit: to be written.
