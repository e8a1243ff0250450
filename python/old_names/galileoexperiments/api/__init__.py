"""What describes an experiment."""
