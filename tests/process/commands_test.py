"""What every command promises: help with an example, clear usage errors, the exit codes."""
from pathlib import Path
from urllib.request import urlopen

import pytest
from conftest import accepts, wait_for

COMMANDS = ["run", "load", "target", "worker", "workers", "rtbl", "recorder", "exp", "profile", "replay"]


@pytest.mark.quick
@pytest.mark.sanitize
@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_an_example_and_goes_to_stdout(run, command):
    done = run(command, "--help")
    assert done.code == 0 and done.err == "", done
    assert "example" in done.out and f"galileo {command}" in done.out


@pytest.mark.quick
def test_help_of_all(run):
    done = run("--help")
    assert done.code == 0
    assert all(f"  {command}" in done.out for command in COMMANDS)
    assert run("--version").out.startswith("galileo ")


@pytest.mark.quick
def test_help_of_a_command_and_of_a_table(run):
    assert run("help").out == run("help", "--help").out == run("--help").out
    assert run("help", "load").out == run("load", "--help").out
    shapes = run("help", "shapes")
    assert shapes.code == 0 and shapes.err == ""
    assert "random_walk  mu, sigma, max, [min], [step]" in shapes.out, shapes.out
    assert shapes.out in run("load", "--help-arrivals").out
    # Without what a load or a daemon needs else.
    instruments = run("telemd", "--list")
    assert instruments.code == 0 and instruments.out == run("help", "instruments").out
    assert run("gateway", "--help").out.endswith(run("help", "policies").out + "\n")


@pytest.mark.quick
@pytest.mark.parametrize("arguments, words", [
    ([], ["usage"]),
    (["lod"], ["unknown command 'lod'", "did you mean 'load'?"]),
    (["load"], ["URL"]),
    (["load", "http://127.0.0.1:1/", "--rat", "5"], ["did you mean '--rate'?"]),
    (["load", "http://127.0.0.1:1/", "-r", "fast"], ["--rate fast", "not 'fast'"]),
    (["load", "http://127.0.0.1:1/", "-r", "-5"], ["--rate"]),
    (["load", "http://127.0.0.1:1/", "-r", "0"], ["--rate", "sends nothing"]),
    (["load", "http://127.0.0.1:1/", "-d", "5 parsecs"], ["--duration"]),
    (["load", "http://127.0.0.1:1/", "--arrival", "expo(1)"], ["unknown distribution 'expo'", "did you mean"]),
    (["load", "ftp://127.0.0.1/"], ["the scheme is 'ftp'"]),
    (["load", "https://127.0.0.1/", "--cacert", "none.pem"], ["can't use the CA file", "none.pem"]),
    (["load", "https://127.0.0.1/", "--key", "k.pem"], ["give --cert too"]),
    (["load", "https://127.0.0.1/", "-k", "--cacert", "ca.pem"], ["give one of them"]),
    (["load", "http://127.0.0.1:1/", "-k"], ["write https://"]),
    (["load", "http://127.0.0.1:99999/"], ["port"]),
    (["load", "http://127.0.0.1:1/", "--threshold", "p95(latency) 5"], ["comparison is missing"]),
    (["load", "http://127.0.0.1:1/", "-H", "no colon"], ["isn't a header"]),
    (["load", "http://127.0.0.1:1/", "--db", "postgres://x"], ["unknown kind of database"]),
    (["run", "missing.yaml"], ["can't read the experiment file", "missing.yaml"]),
    (["run", "."], ["it is a folder"]),
    (["exp"], ["subcommand"]),
    (["workers"], ["subcommand"]),
    (["workers", "ls", "--bus", "http://127.0.0.1"], ["this URL isn't a bus's", "redis://"]),
    (["workers", "ls", "--bus", "in-process:"], ["nobody else is on a bus of this process alone"]),
    (["workers", "discover", "--timeout", "soon"], ["'soon'"]),
    (["rtbl", "set", "img"], ["HOST=WEIGHT"]),
    (["rtbl", "set", "img", "127.0.0.1:80=heavy"], ["'heavy' isn't a number", "host:port=weight"]),
    (["rtbl", "set", "img", "127.0.0.1:99999"], ["127.0.0.1:99999"]),
    (["target", "--delay", "gauss(1)"], ["gauss takes 2 parameters"]),
    (["profile"], ["subcommand"]),
    (["profile", "make", "p.csv", "sin(1, 2) for 1m"], ["unknown rate 'sin'", "did you mean 'sine'?", "'sin(1, 2) for 1m'"]),
    (["profile", "make", "p.csv", "sine(1, 2)"], ["doesn't say for how long", "for 10m"]),
    (["profile", "make", "p.csv", "sine(1) for 1m"], ["sine can't have 1 parameters", "max_rps, period_s"]),
    (["profile", "make", "p.csv", "constant(1) for 1m for"], ["nothing stands behind 'for'"]),
    (["profile", "make", "p.csv", "constant(1) for 1m maximum 3s"], ["unknown word 'maximum'"]),
    (["profile", "make", "p.csv", "constant(1) for soon"], ["'soon' behind 'for' isn't a time"]),
    (["profile", "make", "p.csv", "constant(1) for 1m scale 2"], ["a scale is of exponential gaps only"]),
    (["profile", "make", "p.csv", "constant(0) for 1m"], ["the rate constant is 0 at 0 s", "max 1s"]),
    (["profile", "make", "p.csv", "constant(1000000000) for 1h"], ["more than 20,000,000 gaps"]),
    (["profile", "make", "p.pkl", "constant(1) for 1m"], ["pickles are read and not written"]),
    (["profile", "make", "p.xls", "constant(1) for 1m"], ["a profile has no form 'xls'", "--format"]),
    (["profile", "make", "-", "constant(1) for 1m", "--format", "parquet"], ["can't write Parquet to stdout"]),
    (["help", "lod"], ["there is no 'lod'", "did you mean 'load'?"]),
    (["help", "arrival"], ["did you mean 'arrivals'?"]),
    (["target", "--busy", "gauss(1)"], ["gauss takes 2 parameters"]),
    (["target", "--errors", "2"], ["--errors must be from 0 to 1"]),
])
def test_wrong_usage_is_one_clear_error_and_ends_with_2(run, arguments, words):
    done = run(*arguments)
    assert done.code == 2, done
    assert done.out == ""
    for word in words:
        assert word in done.err, done


@pytest.mark.quick
def test_a_target_on_a_port_in_use_says_what_to_do(run, target, port):
    target()
    done = run("target", "--listen", f"127.0.0.1:{port}")
    assert done.code == 1, done
    assert f"127.0.0.1:{port}" in done.err and "Address already in use" in done.err and "another port" in done.err


def test_a_busy_target_computes_as_long_as_it_says_for_each_answer(start, port):
    process = start("target", "--listen", f"127.0.0.1:{port}", "--busy", "20ms")
    wait_for(lambda: accepts(port), "the target to listen")
    used = lambda: sum(int((task / "schedstat").read_text().split()[0]) for task in Path(f"/proc/{process.pid}/task").iterdir()) / 1e9
    before = used()
    for _ in range(20):
        with urlopen(f"http://127.0.0.1:{port}/") as answer:
            assert float(answer.headers["X-End"]) - float(answer.headers["X-Start"]) >= 0.02
    assert 0.4 <= used() - before < 0.8, "by its own CPU time, whatever else the machine does"
