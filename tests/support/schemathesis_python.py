"""A Python with schemathesis, which makes requests of an OpenAPI document."""
import python_environment

NEEDED = ["schemathesis==4.1.4", "hypothesis==6.138.2"]


def find():
    """(path of the Python, None) or (None, why there is none)."""
    return python_environment.find("schemathesis-python", "schemathesis", NEEDED)
