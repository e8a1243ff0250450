"""Several applications on several nodes in several zones."""
