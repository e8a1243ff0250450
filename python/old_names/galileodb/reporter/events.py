"""What publishes events."""
from galileodb._not_kept import names

__getattr__ = names(__name__, ["RedisEventReporter"], "publish an event by exp.event(name, value) of the shell")
