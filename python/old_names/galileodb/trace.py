"""What writes traces."""
from galileodb._not_kept import names

__getattr__ = names(__name__, ["TraceWriter", "TraceLogger", "RedisTopicTraceWriter", "DatabaseTraceWriter", "FileTraceWriter"],
                    "workers write their traces themselves: galileo_trace_logging says where to (docs/how-to/fleet.md)")
