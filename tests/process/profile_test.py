"""`galileo profile`, and profiles of every kind in experiment files: pickles as Python writes them are read, others refused and never
obeyed; what is made keeps the old system's rules."""
import json
import math
import os
import pickle
import random
import statistics
import subprocess
import sys

import pickles
import pytest
from conftest import ROOT, SLOWER
from exp_exchange_test import arrow_python  # noqa: F401

sys.path.append(str(ROOT / "python/old_names"))
import requestgen  # noqa: E402


def numbers(text):
    return [float(line) for line in text.split()]


@pytest.mark.parametrize("pickler", [pickle.dumps, pickle._dumps], ids=["C", "Python"])
def test_a_list_of_numbers_is_read_as_python_pickles_it(run, tmp_path, pickler):
    """In every protocol, by both of its picklers, which don't write the same bytes."""
    for name, value, wanted in pickles.lists():
        for protocol in range(6):
            (tmp_path / "p.pkl").write_bytes(pickles.dumps(value, protocol, pickler))
            done = run("profile", "convert", "p.pkl", "-", "--format", "txt")
            assert done.code == 0, (name, protocol, done)
            assert numbers(done.out) == wanted, (name, protocol)


def test_pickles_that_mean_harm_are_refused_at_their_byte_and_nothing_is_done(run, tmp_path):
    tried = list(pickles.malicious())
    assert len({bytes_ for _, bytes_ in tried}) > 200
    for name, bytes_ in tried:
        (tmp_path / "p.pkl").write_bytes(bytes_)
        done = run("profile", "convert", "p.pkl", "q.csv")
        assert done.code == 2 and done.out == "" and "can't read the profile" in done.err, (name, done)
        # What begins as no pickle of a list is refused as a text.
        assert bytes_[:1] not in (b"\x80", b"(", b"]", b")") and not bytes_.startswith((b"cnumpy\ndtype", b"cos\nsystem")) or "p.pkl, byte " in done.err, (name, done)
        assert os.listdir(tmp_path) == ["p.pkl"], name


def test_a_refused_pickle_says_what_it_names_and_an_array_what_to_do(run, tmp_path):
    (tmp_path / "p.pkl").write_bytes(b"\x80\x04\x8c\x02os\x94\x8c\x06system\x94\x93\x94\x8c\x02id\x85R.")
    done = run("profile", "show", "p.pkl")
    assert done.code == 2 and done.err.startswith("galileo profile: can't read the profile, p.pkl, byte 16: it names os.system; "), done
    (tmp_path / "p.pkl").write_bytes(b"\x80\x04\x8c\x15numpy.core.multiarray\x94\x8c\x0c_reconstruct\x94\x93.")
    assert "it holds a whole array of numpy's; save it as a list: pickle.dump(array.tolist(), file)" in run("profile", "show", "p.pkl").err


def peak(galileo, path):
    """(KiB, exit code, seconds of CPU) of reading it. A child's peak begins with what its parent had, so that a small one is put between."""
    script = """import os, subprocess, sys
process = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
_, status, usage = os.wait4(process.pid, 0)
print(usage.ru_maxrss, os.waitstatus_to_exitcode(status), usage.ru_utime + usage.ru_stime)"""
    kib, code, seconds = subprocess.run([sys.executable, "-S", "-c", script, galileo, "profile", "show", path], capture_output=True, text=True, check=True).stdout.split()
    return int(kib), int(code), float(seconds)


@pytest.mark.skipif(SLOWER > 1, reason="sanitizers take memory of their own")
def test_a_pickle_takes_memory_and_time_by_its_size(galileo, tmp_path):
    path = tmp_path / "p.pkl"
    path.write_bytes(pickle.dumps([1]))
    least, code, _ = peak(galileo, path)
    assert code == 0
    ones = pickle.dumps([1] * 4_000_000, 4)
    for name, bytes_, code in (("whole numbers", ones, 0), ("floats", pickle.dumps([0.1] * 1_000_000, 4), 0), ("kept", b"]" + b"\x94" * 8_000_000 + b".", 2), ("an index", b"]r\xff\xff\xff\x7f.", 2),
                               ("marks", b"(" * 8_000_000, 2), ("one batch", b"](" + b"K\x01" * 4_000_000 + b"e.", 2), ("a line", b"]F" + b"1" * 8_000_000, 2)):
        path.write_bytes(bytes_)
        most, ended, seconds = peak(galileo, path)
        # The file itself is in memory too.
        assert ended == code and most - least <= 5 * len(bytes_) / 1024 + 2048, (name, most - least, len(bytes_))
        assert seconds < 2, (name, seconds)


def test_each_form_is_read_as_the_numbers_that_were_written(run, tmp_path):
    gaps = [11, 0.1, 1e-11, 0.25, 3.0, 0, 123456.789]
    (tmp_path / "old.pkl").write_bytes(pickle.dumps(gaps, 4))
    for form in ("csv", "txt", "jsonl"):
        assert run("profile", "convert", "old.pkl", f"p.{form}").err == f"galileo profile: wrote 7 gaps of 123471 s in all to p.{form}\n"
        assert numbers(run("profile", "convert", f"p.{form}", "-", "--format", "txt").out) == gaps, form
    assert (tmp_path / "p.csv").read_text().startswith("seconds\n11.0\n0.1\n1e-11\n")
    assert [json.loads(line) for line in (tmp_path / "p.jsonl").read_text().splitlines()] == [{"seconds": gap} for gap in gaps]
    (tmp_path / "p.json").write_text(json.dumps(gaps))
    assert run("profile", "convert", "p.json", "-").out == (tmp_path / "p.csv").read_text()
    (tmp_path / "two.csv").write_text("at,wait\n1,0.5\n2,0.25\n")
    assert numbers(run("profile", "convert", "two.csv", "-", "--column", "wait", "--format", "txt").out) == [0.5, 0.25]
    done = run("profile", "convert", "two.csv", "-", "--column", "weight")
    assert done.code == 2 and "two.csv, line 1: no column is called 'weight'; use one of: at, wait" in done.err, done


def test_parquet_is_written_and_read(run, tmp_path, arrow_python):
    gaps = [11, 0.1, 1e-11, 0, 123456.789]
    (tmp_path / "old.pkl").write_bytes(pickle.dumps(gaps))
    assert run("profile", "convert", "old.pkl", "p.parquet", "--python", arrow_python).code == 0
    assert numbers(run("profile", "convert", "p.parquet", "-", "--format", "txt", "--python", arrow_python).out) == gaps
    assert sorted(os.listdir(tmp_path)) == ["old.pkl", "p.parquet"]
    subprocess.run([arrow_python, "-c", """
import pyarrow as pa, pyarrow.parquet as pq
pq.write_table(pa.table({"at": ["x", "y"], "wait": pa.array([1, 2], pa.int16()), "hole": [0.5, None], "odd": [0.5, float("nan")]}), "more.parquet")"""], cwd=tmp_path, check=True)
    reads = lambda column: run("profile", "convert", "more.parquet", "-", "--format", "txt", "--column", column, env={"galileo_python": arrow_python})
    assert numbers(reads("wait").out) == [1, 2]
    for column, words in (("at", "the column 'at' is of string, not of numbers"), ("", "the column 'at' is of string"), ("hole", "the column 'hole' has rows without a number"), ("weight", "no column is called 'weight'; one of at, wait, hole, odd"),
                          ("odd", "line 2: 'nan' isn't a number")):
        done = reads(column)
        assert done.code == 2 and words in done.err and "more.parquet" in done.err, (column, done)
    (tmp_path / "no.parquet").write_bytes(b"PAR1")
    assert run("profile", "show", "no.parquet", "--python", arrow_python).code == 2
    done = run("profile", "show", "p.parquet", "--python", "/no/such/python")
    assert done.code == 1 and "can't start Python" in done.err and "--python or galileo_python" in done.err, done


class Clock:
    now = 0.0


def by_the_old_rules(profile, until, clock):
    """As the original's environment runs a profile on to a time."""
    gaps, at = [], clock.now
    for gap in profile:
        gaps.append(gap)
        at += gap
        if at >= until:
            break
        clock.now = at
    clock.now = until
    return gaps


def test_what_is_made_without_chance_is_what_the_old_rules_make(run, tmp_path):
    clock = Clock()
    sine = lambda: requestgen.static_arrival_profile(requestgen.sine_rps_profile(clock, 40, 7), max_ia=0.5)
    wanted = by_the_old_rules(sine(), 30, clock)
    wanted += by_the_old_rules(requestgen.static_arrival_profile(requestgen.constant_rps_profile(3)), 41.5, clock)
    wanted += by_the_old_rules(sine(), 60, clock)
    done = run("profile", "make", "-", "sine(40, 7) for 30s max 500ms", "constant(3) for 11.5s", "sine(40, 7) for 18.5s static max 500ms", "--format", "txt")
    assert done.code == 0, done
    made = numbers(done.out)
    assert len(made) == len(wanted) > 1000 and made == pytest.approx(wanted, rel=1e-9)


def test_what_chance_makes_is_the_same_for_a_seed_and_has_the_rates_mean(run, tmp_path):
    make = lambda *words: numbers(run("profile", "make", "-", "--format", "txt", *words).out)
    gaps = make("constant(50) for 10m exponential")
    assert gaps == make("constant(50) for 10m exponential", "--seed", "1") != make("constant(50) for 10m exponential", "--seed", "2")
    assert statistics.mean(gaps) == pytest.approx(0.02, rel=0.03) and statistics.pstdev(gaps) == pytest.approx(0.02, rel=0.05)
    assert sum(gaps) >= 600 > sum(gaps[:-1])
    walk = [1 / gap for gap in make("random_walk(20, 9, 60, 1) for 10m")]
    assert min(walk) == pytest.approx(1) and max(walk) == pytest.approx(60) and len(set(walk)) > len(walk) / 2


def test_a_gap_in_a_valley_is_told_where_it_is_long(run, tmp_path):
    """1 / rate is what the old rules say, and half an hour where a sine is next to 0."""
    done = run("profile", "make", "p.csv", "sine(100, 60) for 10m")
    assert done.code == 0 and "that is more than the 600 s of its segments, since its largest gap is" in done.err and "max TIME bounds gaps" in done.err, done
    assert "more than" not in run("profile", "make", "q.csv", "sine(100, 60) for 10m max 1s").err


def test_show_tells_what_python_counts(run, tmp_path):
    assert run("profile", "make", "p.csv", "sine(60, 120) for 20m exponential", "constant(5) for 5m").code == 0
    gaps = numbers((tmp_path / "p.csv").read_text().removeprefix("seconds\n"))
    shown = json.loads(run("profile", "show", "p.csv", "--json").out)
    length = math.fsum(gaps)
    assert shown["count"] == len(gaps) and shown["length_s"] == pytest.approx(length) and shown["rps"] == pytest.approx(len(gaps) / length)
    assert (shown["gap_min_s"], shown["gap_max_s"]) == (min(gaps), max(gaps))
    assert shown["gap_variation"] == pytest.approx(statistics.pstdev(gaps) / statistics.mean(gaps))
    for window in (1, 10, 60):
        counts, at = [0] * int(length // window), 0.0
        for gap in gaps:
            at += gap
            place = math.ceil(at / window - 1e-9) - 1
            if place < len(counts):
                counts[place] += 1
        assert shown["dispersion"][f"{window}s"] == pytest.approx(statistics.variance(counts) / statistics.mean(counts), rel=1e-3), window
    text = run("profile", "show", "p.csv").out
    assert text.startswith(f"p.csv · {len(gaps):,} requests · 25.0m · ") or text.startswith(f"p.csv · {len(gaps):,} requests · 25m"), text
    assert text.count("█") > 100 and max(map(len, text.splitlines())) <= 80


def test_trips_are_a_profile_for_each_cloudlet_as_in_python(run, tmp_path):
    """The cases of python/tests/profiles_test.py, and many trips by chance: the same numbers as by python -m galileo.trips."""
    rng = random.Random(5)
    cells = "".join(f"LTE,{n},{-74 + rng.random() / 50},{40.7 + rng.random() / 50},c{n % 7}\n" for n in range(60))
    rows = "".join(f"2016-01-01 {rng.randrange(24):02}:{rng.randrange(60):02}:{rng.randrange(60):02},{rng.randrange(5)},{-74 + rng.random() / 40},{40.7 + rng.random() / 40}\n" for _ in range(5000))
    (tmp_path / "topology.csv").write_text("radio,cell,lon,lat,cloudlet\n" + cells)
    (tmp_path / "trips.csv").write_text("pickup_datetime,passenger_count,pickup_longitude,pickup_latitude\n" + rows)
    words = ["trips.csv", "topology.csv", "--start", "2016-01-01T06:30:00", "--end", "2016-01-01T20:00:00"]
    python = subprocess.run([sys.executable, "-m", "galileo.trips", *words[:2], "python", *words[2:]], cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT / "python")}, capture_output=True, text=True)
    assert python.returncode == 0, python
    done = run("profile", "trips", *words[:2], "ours", *words[2:])
    assert done.code == 0 and done.out == python.stdout.replace("python/", "ours/"), done
    assert len(os.listdir(tmp_path / "ours")) == 14
    for path in (tmp_path / "ours").iterdir():
        theirs = tmp_path / "python" / path.name
        if path.suffix == ".csv":
            assert numbers(path.read_text()) == numbers(theirs.read_text())
        else:
            assert pickle.loads(path.read_bytes()) == pickle.loads(theirs.read_bytes()) == numbers(path.with_suffix(".csv").read_text())
            assert numbers(run("profile", "convert", path, "-", "--format", "txt").out) == pickle.loads(path.read_bytes())
    (tmp_path / "trips.csv").write_text("pickup_datetime,passenger_count,pickup_longitude,pickup_latitude\nyesterday,1,-74,40\n")
    done = run("profile", "trips", *words[:2], "more")
    assert done.code == 2 and "can't read the trips, trips.csv, line 2: 'yesterday' is no time; write it as" in done.err and not (tmp_path / "more").exists(), done
    assert "wrong time, --end: 'noon' is no time" in run("profile", "trips", *words[:2], "more", "--end", "noon").err


@pytest.mark.quick
def test_load_follows_a_profile_to_its_end(run, target, tmp_path):
    url = target()
    (tmp_path / "p.pkl").write_bytes(pickle.dumps([0.2, 0.01, 0.01], 4))
    load = lambda *words: run("load", url, *words, "-q", "--db", "none", "--json", "r.json", "--no-telemetry")
    sent = lambda: json.loads((tmp_path / "r.json").read_text())["ledger"]["sent"]
    assert load("--profile", "p.pkl", "--clients", "2").ran and sent() == 6
    assert load("--profile", tmp_path / "p.pkl", "-n", "2").ran and sent() == 2
    assert load("--profile", "p.pkl", "-d", "205ms").ran and sent() == 1
    for words, said in ((("--profile", "no.pkl"), "--profile no.pkl"), (("--profile", "p.pkl", "-r", "5"), "--profile can't be given beside --rate or --arrival")):
        done = load(*words)
        assert done.code == 2 and said in done.err, done
    (tmp_path / "p.pkl").write_bytes(b"]cos\nsystem\n.")
    done = load("--profile", "p.pkl")
    assert done.code == 2 and "byte 1: it names os.system" in done.err, done


@pytest.mark.quick
def test_an_experiment_names_profiles_of_every_form(run, target, tmp_path):
    host = target().removeprefix("http://").rstrip("/")
    gaps = [0.05, 0.01, 0.01, 0.02]
    forms = {"csv": "seconds\n0.05\n0.01\n0.01\n0.02\n", "txt": "0.05\n0.01\n0.01\n0.02\n", "json": json.dumps(gaps), "jsonl": "".join(f'{{"gap": {gap}}}\n' for gap in gaps)}
    for form, text in forms.items():
        (tmp_path / f"p.{form}").write_text(text)
    for protocol in range(6):
        (tmp_path / f"p{protocol}.pkl").write_bytes(pickles.dumps([pickles.Scalar(gap, pickles.Dtype("f8")) for gap in gaps], protocol))
    names = [f"p.{form}" for form in forms] + [f"p{protocol}.pkl" for protocol in range(6)]
    clients = "".join(f"  - {{service: app, name: c{n}, arrival: {{distribution: prerecorded, profile: {name}}}}}\n" for n, name in enumerate(names))
    (tmp_path / "plan.yaml").write_text(f"name: profiles\nservices: {{app: {{hosts: {{'{host}': 1}}}}}}\nclients:\n{clients}")
    done = run("run", "plan.yaml", "-q", "--db", "none", "--json", "r.json")
    assert done.ran and json.loads((tmp_path / "r.json").read_text())["ledger"]["sent"] == 4 * len(names), done
    (tmp_path / "p0.pkl").write_bytes(b"cposix\nsystem\n(Vtouch executed\ntR.")
    (tmp_path / "p1.pkl").write_bytes(b"]cposix\nsystem\n(Vtouch executed\ntRa.")
    (tmp_path / "p.txt").write_bytes(b"PAR1\0\0")
    done = run("run", "plan.yaml", "--dry-run")
    assert done.code == 2 and "'p1.pkl': byte 1: it names posix.system" in done.err and "'p0.pkl'" in done.err, done
    assert "the profile is a Parquet file; make another of it: galileo profile convert" in done.err, done
    assert not (tmp_path / "executed").exists()
