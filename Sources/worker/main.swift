import EventLog
import Execution
import Linux
import Settings

// Serves the queue until it is told to stop.
WorkerProgram.run(Settings.loadOrExit(), log: EventLog(program: "worker", now: Instant.now))
