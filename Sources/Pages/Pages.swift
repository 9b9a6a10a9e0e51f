// Pages: to be written.
