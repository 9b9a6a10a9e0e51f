// mailer: to be written.
