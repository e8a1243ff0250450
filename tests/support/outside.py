"""Where the internet may be, for what is downloaded: a test in a place of its own (tests/cluster/place.sh) has none."""
import os


def outside(*command):
    """The command line that runs it there."""
    network = os.environ.get("GALILEO_TEST_OUTSIDE")
    return [*(["nsenter", f"--net={network}", "--"] if network else []), *map(str, command)]
