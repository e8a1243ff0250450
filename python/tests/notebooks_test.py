"""examples/notebooks: each runs from its first cell to its last, in seconds, and shows figures and no warning; and the runner notices
a notebook that fails, dies or goes on for ever."""
import os
import time
from pathlib import Path

import matplotlib.font_manager  # finds the fonts, where nobody has yet: a notebook would say that it does
import nbclient
import nbformat
import pytest
from conftest import wait_for
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

NOTEBOOKS = Path(__file__).resolve().parent.parent.parent / "examples" / "notebooks"
assert matplotlib.font_manager
NAMES = sorted(path.stem for path in NOTEBOOKS.glob("*.ipynb"))
#: A quiet machine takes ten seconds.
DEADLINE_S = 600


def run(notebook, folder, deadline_s=DEADLINE_S, shutdown="graceful"):
    """Executes it, in that folder, with this environment's Python. What goes wrong in a cell is raised, and so is the deadline, which counts
    for all cells together from the first one on; its kernel is gone then. A graceful shutdown lets it take away its temporary files."""
    begun = []

    def left(_):
        begun.append(time.monotonic())
        return max(0.1, begun[0] + deadline_s - time.monotonic())
    # To cancel it from outside would look as if the kernel had died.
    client = nbclient.NotebookClient(notebook, timeout_func=left, startup_timeout=DEADLINE_S, shutdown_kernel=shutdown, kernel_name="python3",
                                     resources={"metadata": {"path": str(folder)}})
    client.execute()
    return notebook


def kernels():
    """Those of this process that live."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            state, parent = (entry / "stat").read_text().rpartition(")")[2].split()[:2]
            if int(parent) == os.getpid() and state != "Z" and b"ipykernel" in (entry / "cmdline").read_bytes():
                found.append(entry.name)
        except (OSError, ValueError):
            pass
    return found


def planted(*cells):
    notebook = nbformat.v4.new_notebook()
    notebook.cells = [nbformat.v4.new_code_cell(cell) for cell in cells]
    return notebook


def outputs(notebook, kind):
    return [output for cell in notebook.cells for output in cell.get("outputs", []) if output.output_type == kind]


def figures(notebook):
    return [output for kind in ("display_data", "execute_result") for output in outputs(notebook, kind) if "image/png" in output.data]


@pytest.mark.parametrize("name", NAMES)
def test_a_question_is_answered(name, tmp_path):
    notebook = run(nbformat.read(NOTEBOOKS / f"{name}.ipynb", 4), tmp_path)
    assert [output.text for output in outputs(notebook, "stream") if output.name == "stderr"] == []
    assert len(figures(notebook)) >= 2
    assert not list(tmp_path.iterdir())  # what they record is gone with them


def test_each_question_of_the_system_has_one():
    assert NAMES == ["cpu", "execution_time", "load_balancer", "together", "two_nodes"]


@pytest.mark.parametrize("name", NAMES)
def test_nothing_generated_is_committed(name):
    notebook = nbformat.read(NOTEBOOKS / f"{name}.ipynb", 4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert code and all(not cell.outputs and cell.execution_count is None for cell in code)
    assert set(notebook.metadata) == {"kernelspec", "language_info"} and all(not cell.metadata for cell in notebook.cells)


def test_a_figure_is_shown_once(tmp_path):
    """Whether pyplot is there or not."""
    draw = "plots.weights(pandas.DataFrame({'exp_id': [], 'time': pandas.to_datetime([]), 'name': [], 'value': []}))"
    notebook = run(planted("import pandas\nfrom galileo import plots", draw, "import matplotlib.pyplot", draw, f"figure = {draw}"), tmp_path)
    shown = [sum("image/png" in output.get("data", {}) for output in cell.outputs) for cell in notebook.cells]
    assert shown == [0, 1, 0, 1, 0] and outputs(notebook, "stream") == []


def test_the_runner_notices_a_cell_that_fails(tmp_path):
    with pytest.raises(CellExecutionError, match="nothing to divide by"):
        run(planted("1 + 1", "raise ZeroDivisionError('nothing to divide by')"), tmp_path)
    wait_for(lambda: not kernels(), "the kernel's end")


def test_the_runner_notices_a_kernel_that_dies(tmp_path):
    with pytest.raises(DeadKernelError):
        run(planted("import os\nos._exit(1)"), tmp_path)


@pytest.mark.parametrize("forever", [
    ["while True: pass"],
    ["import time\nwhile True:\n    print('on')\n    time.sleep(0.01)"],
    ["import signal, time\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True: time.sleep(1)"],
    ["import time\ntime.sleep(0.3)"] * 100], ids=["busy", "talking", "deaf", "piecemeal"])
def test_the_runner_ends_one_that_goes_on_for_ever(forever, tmp_path):
    with pytest.raises(CellTimeoutError):
        run(planted(*forever), tmp_path, 1, "immediate")
    wait_for(lambda: not kernels(), "the kernel's end")
