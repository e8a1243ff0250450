"""Profiling and scenario experiments on Kubernetes, under the names of the original experiment library.

``api`` has what describes an experiment, ``experiment`` runs it, ``utils`` has what controllers under test use, too: pods, weights
of gateways, arrival profiles. Importing it imports neither kubernetes nor redis, and connects to nothing.
"""
