"""A Python with junitparser, as pipelines read JUnit, and lxml, which is xmllint's parser. Made once, from PyPI."""
import python_environment

PACKAGES = ["junitparser==3.1.2", "lxml==5.3.0"]


def find():
    """(path of the Python, None) or (None, why there is none)."""
    return python_environment.find("junit-python", "a reader of JUnit", PACKAGES)
