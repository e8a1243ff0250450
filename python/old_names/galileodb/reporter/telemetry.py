"""What publishes telemetry."""
from galileodb._not_kept import names

__getattr__ = names(__name__, ["RedisTelemetryReporter"], "`galileo telemd` publishes telemetry")
