"""What publishes traces."""
from galileodb._not_kept import names

__getattr__ = names(__name__, ["RedisTraceReporter"], "workers publish their traces themselves: `galileo worker`")
