// SMTP: to be written.
