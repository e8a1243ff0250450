"""One application on one node."""
