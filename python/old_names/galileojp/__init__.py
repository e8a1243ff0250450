"""Frames of recorded experiments, by the names of the original system's package galileo-jupyter (docs/reference/old-names.md)."""
name = "galileojp"
