"""What records traces."""
from galileodb._not_kept import names

__getattr__ = names(__name__, ["TraceRecorder", "RedisTraceRecorder", "TracesSubscriber"],
                    "`galileo recorder` records an experiment from the bus (docs/how-to/recorder.md)")
