"""What records events."""
from galileodb._not_kept import names

__getattr__ = names(__name__, ["RedisEventSubscriber", "ExperimentEventRecorder", "BatchingExperimentEventRecorder",
                               "ExperimentEventRecorderThread"],
                    "`galileo recorder` records an experiment from the bus (docs/how-to/recorder.md)")
