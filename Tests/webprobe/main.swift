import EventLog
import Linux
import Web

// The smallest of page programs, for tests of the loop that serves them all.
serveProbe()
