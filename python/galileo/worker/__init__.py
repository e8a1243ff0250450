"""What scripts import of the old system's worker: ``galileo.worker.api`` and ``galileo.worker.context``. The worker itself is
the program's: ``galileo worker``."""
