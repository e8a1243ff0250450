"""The command galileodb-ctl."""
from galileodb._not_kept import names

__getattr__ = names(__name__, ["main"], "`galileo exp ls`, `galileo exp show` and `galileo exp rm` do its work")
