"""The experiment database, by the names of the original system's package galileo-db (docs/reference/old-names.md): its objects stand for
databases and read them; what wrote them is the program's."""
from .db import ExperimentDatabase
from .model import Experiment, NodeInfo, Telemetry

name = "galileodb"

__all__ = ["ExperimentDatabase", "Experiment", "Telemetry", "NodeInfo"]
