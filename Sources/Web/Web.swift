// Web: to be written.
