"""The original analysis package beside ours: one script (old_frames.py) in both environments, over the same recorded databases;
what each call gave is compared frame by frame, value by value."""
import json
import os
import pickle
import re
import subprocess
import sys
from pathlib import Path

import numpy
import pandas
import pytest

pytest.importorskip("galileojp")
import old_recording
import python_environment
from old_recording import EMPTY, EXP_ID, SECOND

SCRIPT = Path(__file__).parent / "old_frames.py"
# The original's own pins where they can still be had, and pandas as Debian 12 has it.
ORIGINALS = ["--no-deps", "galileo-jupyter==0.0.1", "galileo-db==0.10.4.dev1", "edgerun-faas==0.0.1.dev2",
             "edgerun-galileo-faas==0.0.1.dev2",
             "edgerun-skippy-core==0.1.1", "pandas==1.5.3", "numpy==1.22.3", "python-dateutil==2.9.0.post0", "pytz==2024.1", "six==1.16.0",
             "influxdb-client==1.20.0", "Rx==3.2.0", "certifi==2024.7.4", "urllib3==1.26.20", "mysql-connector-python==8.0.28",
             "protobuf==3.20.3",
             "python-dotenv==0.20.0", "dataclasses-json==0.5.7", "marshmallow==3.26.1", "marshmallow-enum==1.5.1", "mypy-extensions==1.0.0",
             "typing-inspect==0.9.0", "typing-extensions==4.12.2", "readerwriterlock==1.0.9", "packaging==24.1"]
# What a notebook's kernel takes there beside.
KERNEL = ["ipykernel==6.29.5", "ipython==8.18.1", "jupyter-client==8.6.3", "jupyter-core==5.7.2", "comm==0.2.2", "matplotlib-inline==0.1.7",
          "nest-asyncio==1.6.0", "psutil==6.1.0", "pyzmq==26.2.0", "tornado==6.4.1", "traitlets==5.14.3", "decorator==5.1.1", "jedi==0.19.1",
          "parso==0.8.4", "pexpect==4.9.0", "ptyprocess==0.7.0", "prompt-toolkit==3.0.48", "wcwidth==0.2.13", "pygments==2.18.0", "stack-data==0.6.3",
          "executing==2.1.0", "asttokens==2.4.1", "pure-eval==0.2.3", "exceptiongroup==1.2.2", "importlib-metadata==8.5.0", "zipp==3.20.2",
          "platformdirs==4.3.6"]
NOTEBOOKS = Path(__file__).parent / "old_notebooks"
# A newer one, for this Python, and the script that tries a notebook on it.
NEWER = ["pandas==3.1.1", "numpy==2.4.6"]
NEWER_PANDAS = Path(__file__).parent / "newer_pandas.py"
DOCUMENT = Path(__file__).parents[2] / "docs/reference/old-names.md"
CONTAINER = old_recording.container(1)
UNKNOWN = "202601010000-ffff"
# Tables of Flux that the newest original leaves out too.
FLUX = ["result", "table", "_start", "_stop", "_time", "_field", "_measurement"]


@pytest.fixture(scope="session")
def original():
    """The Python that has the original package."""
    python = python_environment.interpreter("3.9")
    if python is None:
        pytest.skip("the original package's pins need Python 3.9, which isn't here")
    found, why_not = python_environment.find("old-frames-python", "the original analysis package", [*ORIGINALS, *KERNEL], python)
    if found is None:
        pytest.skip(why_not)
    return found


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    from influxdb_server import InfluxDb

    started = InfluxDb(tmp_path_factory.mktemp("influxdb"))
    yield started
    started.stop()


@pytest.fixture(scope="session")
def databases(original, server, tmp_path_factory):
    """What names the databases that the original's drivers have filled."""
    from influxdb_server import ORGANISATION, TOKEN

    env = {"galileo_expdb_influxdb_url": server.address, "galileo_expdb_influxdb_token": TOKEN, "galileo_expdb_influxdb_org": ORGANISATION,
           "galileo_expdb_influxdb_org_id": server.organisation_id,
           "galileo_expdb_sqlite_path": str(tmp_path_factory.mktemp("sql") / "old.sqlite")}
    script(original, env, "record", json.dumps(old_recording.recording()), alone=True)
    return env


def ours_on_path():
    """Where an environment that hasn't our package finds it, and nothing else of this one: the package, and behind it the old names."""
    import galileo
    import galileojp

    folders = [Path(module.__file__).parents[1] for module in (galileo, galileojp)]
    return os.pathsep.join(map(str, dict.fromkeys(folders)))


def script(python, env, order, text, *more, alone=False):
    """alone: without what names our packages, which the original's environment hasn't."""
    ours = {name: value for name, value in os.environ.items() if not (alone and name == "PYTHONPATH")}
    done = subprocess.run([python, "-W", "ignore", SCRIPT, order, *more], input=text, capture_output=True, text=True, timeout=300,
                          env={**ours, **env})
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="session")
def both(original, databases, tmp_path_factory):
    """both(gateway, method, *arguments): what theirs gave, and what ours; each environment is started once."""
    calls = [list(call) for call in {json.dumps(call): call for call in [*SAME, *BETTER, *RATES, METHODS]}.values()]
    results = []
    for name, python in (("theirs", original), ("ours", sys.executable)):
        path = tmp_path_factory.mktemp("results") / name
        script(python, databases, "read", json.dumps(calls), path, alone=name == "theirs")
        results.append(pickle.loads(path.read_bytes()))
    by_call = {json.dumps(call): pair for call, *pair in zip(calls, *results)}
    return lambda *call: by_call[json.dumps(call)]


def in_order(frame, index):
    """Rows by their values: of one instant the databases give them in any order. The index as a column where it means something."""
    frame = frame.drop(columns=[name for name in FLUX if name in frame and "_value" not in frame])
    frame = frame.drop(columns=["_stop", "_time", "table"], errors="ignore")  # of the query; `_time` is theirs, to the millisecond
    for name, kind in frame.dtypes.items():
        if isinstance(kind, pandas.DatetimeTZDtype):
            frame[name] = frame[name].dt.tz_convert("UTC")
    if index:
        frame = frame.assign(**{"the index": numpy.asarray(frame.index)})
    frame = frame[sorted(frame.columns)]
    texts = frame.applymap(repr).agg("|".join, axis=1)  # astype(str) of pandas 1.5 may write into the frame itself
    order = texts.to_numpy().argsort(kind="stable") if len(frame) else []
    return frame.iloc[order].reset_index(drop=True)


def assert_same_frames(theirs, ours):
    assert not set(theirs.columns) - set(ours.columns) - set(FLUX)
    extra = set(ours.columns) - set(theirs.columns)
    assert extra <= {"replica_id", "replica_type"}, extra  # of the newest original
    ours = ours.drop(columns=list(extra))
    times = isinstance(theirs.index, pandas.DatetimeIndex)
    assert isinstance(ours.index, pandas.DatetimeIndex) == times and (not times or theirs.index.name == ours.index.name)
    pandas.testing.assert_frame_equal(in_order(theirs, times), in_order(ours, times), rtol=1e-12, atol=1e-9)


SAME = [
    *[(gateway, table) for gateway in ("sql", "mixed") for table in ("experiments", "metadata")],
    *[(gateway, "metadata", one) for gateway in ("sql", "mixed") for one in (EXP_ID, EMPTY, UNKNOWN)],
    *[(gateway, table, *ids) for gateway in ("sql", "mixed") for table in ("nodeinfo", "events", "telemetry")
      for ids in ([EXP_ID], [EXP_ID, SECOND], [EMPTY], []) ],
    *[("sql", table, UNKNOWN) for table in ("nodeinfo", "events", "telemetry")], ("mixed", "nodeinfo", UNKNOWN),
    ("mixed", "traces", SECOND), ("mixed", "traces", EMPTY), ("mixed", "traces"),
    ("mixed", "raw_influxdb_query",
     f'from(bucket: "{EXP_ID}") |> range(start: 1970-01-01, stop: 2100-01-01) |> filter(fn: (r) => r["_measurement"] == "events")'),
    ("k3s", "get_experiment", EXP_ID), ("k3s", "get_experiment", UNKNOWN), ("k3s", "get_exp_params", EXP_ID), ("k3s", "get_exp_params",
                                                                                                               UNKNOWN),
    ("k3s", "get_nodes_by_name", EXP_ID), ("k3s", "get_nodes_by_name", EMPTY),
    ("k3s", "get_raw_replicas", EXP_ID), ("k3s", "get_raw_replicas", EXP_ID, None), ("k3s", "get_raw_replicas", EXP_ID, "delete"),
    ("k3s", "get_replicas", EXP_ID), ("k3s", "get_replicas", EXP_ID, "delete"), ("k3s", "get_replicas", EXP_ID, "shutdown"),
    ("k3s", "get_replicas_with_shutdown", EXP_ID), ("k3s", "get_replica_by_ip", EXP_ID), ("k3s", "get_replica_by_container_id", EXP_ID),
    ("k3s", "traces", EXP_ID), ("k3s", "traces", SECOND), ("k3s", "traces", EMPTY), ("k3s", "traces"), ("k3s", "preprocessed_traces",
                                                                                                        EXP_ID),
    ("k3s", "get_weight_updates", EXP_ID), ("k3s", "convert_cluster", "zone-a"), ("k3s", "convert_cluster", "elsewhere"),
    ("k3s", "find_zone_for_client", "gateway-zone-a"), ("k3s", "parse_container_request", {"cpu": "1", "memory": "1Gi"}),
    ("k3s", "parse_container_request", {}), ("k3s", "item_equal", {"a": 1}, {"a": 1, "b": 2}),
    ("k3s", "exps_by_example", {"params": {"service": "resnet"}}, "$experiments"), ("k3s", "exps_by_example", {"nobody has this": 1}, "$experiments"),
    ("k3s", "build_node_service>get_nodes", EXP_ID), ("k3s", "build_deployment_service>get_deployments", EXP_ID),
    ("k3s", "get_gateways_replicas", EXP_ID, "$gateway"), ("k3s", "get_replicas_by_deployments", EXP_ID, "$deployments"),
    ("k3s", "get_running_replicas", EXP_ID, "$deployments", 5.0, "$gateway"), ("k3s", "get_running_replicas", EXP_ID, "$deployments", 50.0, "$gateway"),
    ("k3s", "get_cpu_usage_results", EXP_ID), ("k3s", "get_pod_schedules_statistics", EXP_ID), ("k3s", "normalize_index", "$index", EXP_ID),
]
# By the first interval and by each: the same here. What a node's cores are divided by is another factor (docs/reference/old-names.md).
RATES = [("numbers", "get_cpu_container", EXP_ID, CONTAINER), ("numbers", "get_cpu_containers_by_name", EXP_ID, "^pythonpi"),
         ("numbers", "get_cpu", EXP_ID, "$replicas", "$gateway")]
METHODS = ("k3s", "methods")
BETTER = [("mixed", "traces", EXP_ID), ("mixed", "events", UNKNOWN), ("k3s", "get_replicas", EXP_ID, None), ("k3s", "get_replicas", EMPTY),
          ("k3s", "get_weight_updates", EMPTY), ("k3s", "get_cpu_container", EXP_ID, CONTAINER), ("k3s", "get_cpu_container", EXP_ID,
                                                                                                  "nosuch"),
          ("sql", "traces", EXP_ID)]


@pytest.mark.parametrize("call", SAME, ids=lambda call: "-".join(map(str, call))[:70])
def test_a_call_gives_what_the_original_gives(both, call):
    (how, theirs), (how_ours, ours) = both(*call)
    assert how == how_ours, (theirs, ours)
    if how == "raised":
        assert theirs[0] == ours[0]
    else:
        assert_same(theirs, ours)


def assert_same(theirs, ours):
    if isinstance(theirs, pandas.DataFrame):
        assert_same_frames(theirs, ours)
    elif isinstance(theirs, pandas.Index):
        pandas.testing.assert_index_equal(theirs.sort_values(), ours.sort_values())
    elif isinstance(theirs, dict) and any(isinstance(one, pandas.DataFrame) for one in theirs.values()):
        assert theirs.keys() == ours.keys()
        for name in theirs:
            assert_same_frames(theirs[name], ours[name])
    else:
        assert without_container_labels(theirs) == without_container_labels(ours)


@pytest.mark.parametrize("call", RATES, ids=lambda call: call[1])
def test_rates_are_the_originals_where_the_period_stays(both, call):
    (how, theirs), (how_ours, ours) = both(*call)
    assert (how, how_ours) == ("gave", "gave"), (theirs, ours)
    assert len(theirs) > 10 and set(theirs.columns) - set(FLUX) <= set(ours.columns)
    shown = ["subsystem", "ts", "value", "value_ms", "milli_cores", "percentage"]
    theirs, ours = (in_order(frame.reset_index(drop=True)[shown].astype({"ts": "float64"}), False) for frame in (theirs, ours))
    pandas.testing.assert_frame_equal(theirs, ours, rtol=1e-9, atol=1e-6)


def test_each_call_of_the_originals_is_compared(both):
    (_, theirs), (_, ours) = both(*METHODS)
    assert len(theirs) > 30 and set(theirs) <= set(ours)
    compared = {call[1].partition(">")[0] for call in [*SAME, *BETTER, *RATES] if call[0] in ("k3s", "numbers")} | {call[1] for call in SAME if call[0] == "mixed"}
    assert set(theirs) - compared == {"from_env"}  # old_frames_test has it, of the environment


def without_container_labels(value):
    """The original has a pod's container from the function's last pod, with that one's labels."""
    if isinstance(value, dict):
        return {key: without_container_labels({name: one for name, one in part.items() if name != "labels"} if key == "container" else part)
                for key, part in value.items()}
    return value


def test_unsent_requests_are_not_lost(both):
    """The original asks for points from 1970 on, where its own of requests that weren't sent lie one second before."""
    (_, theirs), (_, ours) = both("mixed", "traces", EXP_ID)
    unsent = ours[ours["sent"] == "-1.0"]
    assert len(theirs) + len(unsent) == len(ours) == 300 and len(unsent) == 6
    assert_same_frames(theirs, ours[ours["sent"] != "-1.0"])


def test_pending_pods_are_left_out(both):
    """As the newest original does."""
    (_, theirs), (_, ours) = both("k3s", "get_replicas", EXP_ID, None)
    assert_same_frames(theirs[~theirs["state"].isin(["create", "pending"])], ours)


def test_where_the_original_dies_ours_has_an_answer(both):
    """Without pods, without weight updates; of a node whose cores are a text; of a container that isn't there."""
    for call in BETTER:
        (how, theirs), (how_ours, ours) = both(*call)
        if how == "raised" and call[1:] != ("events", UNKNOWN):
            assert how_ours == "gave", (call, theirs, ours)
    (_, replicas), (_, weights) = both("k3s", "get_replicas", EMPTY)[1], both("k3s", "get_weight_updates", EMPTY)[1]
    assert list(replicas.columns)[:2] == ["ts", "podUid"] and replicas.empty and weights.empty and replicas["ts"].dtype == float
    assert both("k3s", "get_cpu_container", EXP_ID, "nosuch")[1] == ("gave", None)
    assert both("mixed", "events", UNKNOWN)[1][1][0] == "NotFoundError"


def test_our_own_layout_gives_the_same_frames(server, tmp_path, monkeypatch):
    """What was copied into InfluxDB as we write it ourselves, beside the file that it came from."""
    import sqlite3

    import old_frames_test
    from galileo import _session
    from galileojp.k3s import K3SGateway

    for name in [name for name in os.environ if name.startswith("galileo_expdb_")]:
        monkeypatch.delenv(name)
    path = old_frames_test.recorded(tmp_path / "copied.sqlite")
    with sqlite3.connect(path) as database:
        for table in ("experiments", "metadata", "nodeinfo", "telemetry", "events", "traces"):
            database.execute(f"UPDATE {table} SET EXP_ID = replace(EXP_ID, '202611', '202612')")
    copied = EXP_ID.replace("202611", "202612")
    done = subprocess.run([_session.program(), "exp", "import", path, "--db", server.url], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    here, there = K3SGateway(path, clusters={}), K3SGateway(server.url, path, clusters={})
    for name in ("preprocessed_traces", "telemetry", "events", "get_replicas", "get_weight_updates"):
        one, other = getattr(here, name)(copied), getattr(there, name)(copied)
        times = isinstance(one.index, pandas.DatetimeIndex)
        pandas.testing.assert_frame_equal(in_order(one, times), in_order(other, times), obj=name)


def executed(path, kernel, variables, into):
    """The notebook, run to its end in an environment's kernel; what its cells gave, by their numbers, goes into a file."""
    import nbclient
    import nbformat

    notebook = nbformat.read(path, 4)
    notebook.cells.append(nbformat.v4.new_code_cell(f"import pickle\nwith open({str(into)!r}, 'wb') as file:\n    pickle.dump(dict(Out), file)"))
    client = nbclient.NotebookClient(notebook, timeout=300, startup_timeout=300, kernel_name=kernel, resources={"metadata": {"path": str(into.parent)}})
    client.execute(env={**os.environ, **variables})
    return notebook, pickle.loads(into.read_bytes())


@pytest.mark.parametrize("path", sorted(NOTEBOOKS.glob("*.ipynb")), ids=lambda path: path.stem)
def test_an_old_notebook_runs_in_both_environments_and_says_the_same(path, original, databases, tmp_path, monkeypatch):
    """Unchanged, imports included: the same frames, value by value, and the same texts below its cells, but for what the original prints of
    how many traces it has."""
    pytest.importorskip("nbclient")
    spec = tmp_path / "jupyter/kernels/original"
    spec.mkdir(parents=True)
    # Without what names our packages.
    (spec / "kernel.json").write_text(json.dumps({"argv": [original, "-m", "ipykernel_launcher", "-f", "{connection_file}"], "display_name": "original",
                                                  "language": "python", "env": {"PYTHONPATH": ""}}))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))
    (theirs, given), (ours, got) = (executed(path, kernel, databases, tmp_path / kernel) for kernel in ("original", "python3"))
    assert given.keys() == got.keys() and len(given) >= 10
    for number, value in given.items():
        if isinstance(value, pandas.DataFrame):
            pandas.testing.assert_frame_equal(value, got[number], rtol=1e-12, atol=1e-9, obj=f"what cell {number} gave")
        elif isinstance(value, pandas.Series):
            pandas.testing.assert_series_equal(value, got[number], rtol=1e-12, atol=1e-9, obj=f"what cell {number} gave")
        else:
            assert value == got[number], number
    for one, other in zip(theirs.cells, ours.cells):
        shown = [[output.data["text/plain"] for output in cell.get("outputs", []) if output.output_type == "execute_result"] for cell in (one, other)]
        assert shown[0] == shown[1], "".join(one.source)
        assert [output for output in other.get("outputs", []) if output.output_type == "stream"] == []


@pytest.mark.parametrize("path", sorted(NOTEBOOKS.glob("*.ipynb")), ids=lambda path: path.stem)
def test_on_a_newer_pandas_an_old_notebook_s_lines_fail_only_where_plain_frames_do_and_are_listed(path, databases):
    """docs/reference/old-names.md lists them."""
    newer, why_not = python_environment.find("newer-pandas-python", "a newer pandas", NEWER)
    if newer is None:
        pytest.skip(why_not)
    done = subprocess.run([newer, NEWER_PANDAS, path], capture_output=True, text=True, timeout=300, env={**os.environ, **databases, "PYTHONPATH": ours_on_path()})
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout.splitlines()[-1])
    assert said["pandas"] == NEWER[0].partition("==")[2] and said["cells"] >= 10
    for failed in said["failed"]:
        assert failed["error"] == failed["plain"], failed
    listed = set(re.findall(r"^- `(.+)`: ", DOCUMENT.read_text().partition(f"pandas {said['pandas']}")[2].partition("\n\n#")[0], re.M))
    assert {failed["line"] for failed in said["failed"]} == listed
