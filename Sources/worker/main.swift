import EventLog
import Execution
import Linux
import Settings

// Serves the queue until it is told to stop.
takeNoArguments(
    "worker", "Runs the jobs that wait, one worker for each database, until it is told to stop (TERM).")
WorkerProgram.run(Settings.loadOrExit(), log: EventLog(program: "worker", now: Instant.now))
