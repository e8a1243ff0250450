"""The Python package with its compiled module, of the sources as they stand and without a wheel."""
import subprocess

import python_environment
from python_package import BUILT_WITH, ROOT


def link(package, folder, build, *settings):
    """(folder, None), from which `galileo` can be imported: files of `package`, and the module, built with these settings; or (None, why not)."""
    builder, why_not = python_environment.find("wheel-python", "what builds the module", BUILT_WITH)
    if why_not:
        return None, why_not
    for command in (["cmake", "-S", ROOT / "python", "-B", build, "-G", "Ninja", f"-DPython_EXECUTABLE={builder}", "-DCMAKE_BUILD_TYPE=Release", *settings],
                    ["cmake", "--build", build, "--target", "_columns"]):
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=600, stdin=subprocess.DEVNULL)
        assert done.returncode == 0, done.stdout + done.stderr
    made = folder / "galileo"
    made.mkdir(parents=True)
    for path in package.iterdir():
        if not path.name.startswith("_columns."):
            (made / path.name).symlink_to(path)
    module = next(build.glob("_columns*.so"))
    (made / module.name).symlink_to(module)
    return folder, None
