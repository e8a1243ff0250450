"""Our Python package as it stands here, without a wheel, for a python that has the libraries which scripts use beside it."""
import pytest
import python_environment
from conftest import ROOT
from python_package import TESTED_WITH


def our_python(galileo, *folders):
    """(python, environment): what a script is run with; `folders` have further packages."""
    python, why_not = python_environment.find("package-python", "what the package is tested with", TESTED_WITH)
    if why_not:
        pytest.skip(why_not)
    path = ":".join(map(str, [*folders, ROOT / "python", ROOT / "python/old_names"]))
    return python, {"PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1", "galileo_program": galileo}
