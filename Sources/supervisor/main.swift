import Supervision

// Sees one attempt of a job through; the worker starts it.
Supervisor.run()
