"""Experiments, run from Python.

::

    import galileo

    hello = galileo.Experiment(
        name="hello",
        services={"hello": {"hosts": {"127.0.0.1:8080": 1}}},
        clients=[{"service": "hello", "rate": 100, "duration": "10s"}],
        thresholds=["p95(latency) < 50ms"])
    result = hello.run()          # here; bus="redis://..." on a fleet's workers
    result.verdict, result.summary["latency_s"]["p99"]
    result.traces()               # every request, as a frame

A run is a process of the program's own: this interpreter has no thread, no handler and no lock of it. It lives as long as
somebody owns it: this process, or another one that has attached to it.
"""
from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from . import _link, _progress, _session
from .errors import NotFoundError, ProgramError, TimeLimitError
from .result import Check, Result, Threshold, Verdict

if TYPE_CHECKING:
    from typing import Unpack

    from .keys import File

__all__ = ["Check", "Experiment", "Result", "Run", "RunState", "Threshold", "Verdict", "attach", "load", "runs"]

Settings = Mapping[str, Any] | Iterable[str]
#: How long an interrupted call waits for the end of what it has asked to stop.
_INTERRUPTED_S = 0.3
#: How long the end of a ``with`` waits for it.
_STOPPED_S = 3.0
#: After the time limit of ``run()``: what is under way is given up so much later.
_DRAINED_S = 5.0
#: A run's process that hasn't answered for so long is stopped, or its machine has no time for it.
_SILENT_S = 2.0

# Runs that this process has begun: they are its own as long as they go on, also where nobody holds them.
_kept: dict[str, Run] = {}


def load(path: str | os.PathLike[str]) -> Experiment:
    """The experiment of a file (YAML). It is read when it is run; :meth:`Experiment.plan` says what is wrong with it."""
    return Experiment._of_file(os.path.abspath(os.fspath(path)))


def runs() -> list[RunState]:
    """Runs of this user that go on in this machine, whoever has started them, by their ids."""
    return [RunState._of(one["id"], one["state"]) for one in _session.ask({"call": "runs"})]


def attach(id: str) -> Run:
    """The run with that id, or the beginning of just one: to follow it, to end it, and for its result. From now on it is
    this process's too, and goes on though the one that has begun it is gone.

    Raises ``NotFoundError``: there is no such run, or it is over."""
    if not isinstance(id, str):
        raise TypeError(f"{id!r} is no id of a run: a text is needed")
    found = [one for one in _session.ask({"call": "runs"}) if one["id"].startswith(id)]
    if len(found) != 1:
        raise NotFoundError(f"there {'is no run' if not found else 'are several runs'} {id!r}; galileo.runs() lists those that go on",
                            "there is no such run", id)
    link, whole = _link.Link.attach(found[0]["socket"])
    return Run(whole, link, None, os.getcwd(), "")


class Experiment:
    """What is to be run: the structure of an experiment file (schema/experiment.schema.json), as a mapping, as keywords, or as
    both, or a file's (:func:`load`). ``galileo.keys`` has its parts as types, by which an editor or mypy knows each key. Nothing is
    checked before :meth:`plan`, :meth:`run` or :meth:`start`, which find all problems of it at once. Can be pickled."""

    def __init__(self, content: File | Mapping[str, Any] | None = None, /, **keys: Unpack[File]) -> None:
        self._path = ""
        self._content: dict[str, Any] = {**(content or {}), **keys}
        self._text = json.dumps(self._content, ensure_ascii=False, indent=2, default=_plain)
        self._last: Run | None = None

    @classmethod
    def _of_file(cls, path: str) -> Experiment:
        made = cls()
        made._path, made._text = path, ""
        return made

    @classmethod
    def _of_text(cls, text: str) -> Experiment:
        made = cls()
        made._text = text
        return made

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_last": None}

    def __repr__(self) -> str:
        return f"<galileo experiment {self._path or self._content.get('name', '')!r}>"

    @property
    def text(self) -> str:
        """What the program reads, by whose lines it names problems; empty where that is a file."""
        return self._text

    @property
    def last(self) -> Run | None:
        """The newest run of it in this process."""
        return self._last

    def plan(self, *, set: Settings = (), bus: str | None = None, environment: bool = True) -> dict[str, Any]:
        """What it would do, with every default and every client, and nothing is done. Arguments as of :meth:`run`.

        Raises ``UsageError`` with all problems, each with its line."""
        plan: dict[str, Any] = self._asked(set, bus, environment, "plan")["plan"]
        return plan

    def describe(self, *, set: Settings = (), bus: str | None = None, environment: bool = True) -> str:
        """The same as ``galileo run --dry-run`` prints it: for people, with each object that would be made in a cluster."""
        text: str = self._asked(set, bus, environment, "plan")["text"]
        return text

    def start(self, *, bus: str | None = None, db: str | os.PathLike[str] | None = None, set: Settings = (),
              report: str | os.PathLike[str] | None = None, spool: str | os.PathLike[str] | None = None,
              environment: bool = True, lease: float = 20.0) -> Run:
        """Begins to run it, and comes back once it has an id. It goes on until it is done, is cancelled, or nobody owns it any
        more for ``lease`` seconds: this process is gone, and no other has attached. Other arguments as of :meth:`run`."""
        request = self._request(set, bus, environment)
        request["lease_s"] = float(lease)
        for key, given in (("db", db), ("report", report), ("spool", spool)):
            if given is not None:
                request[key] = os.fspath(given)
        folder = os.getcwd()
        link, whole = _link.Link.begin(request)
        run = Run(whole, link, self, folder, request.get("db", ""))
        _kept[whole] = run
        self._last = run
        return run

    def run(self, timeout: float | None = None, *, bus: str | None = None, db: str | os.PathLike[str] | None = None,
            set: Settings = (), report: str | os.PathLike[str] | None = None, spool: str | os.PathLike[str] | None = None,
            environment: bool = True, lease: float = 20.0, progress: bool = True) -> Result:
        """Runs it, and gives its result once all is in the database.

        timeout: seconds after which it is stopped; None: until it is done.
        bus: on the workers of that fleet; None: in this machine, or as the file says. Pods are made where it says so.
        db: as ``--db`` has it; None: where ``galileo_expdb_*`` say, else ``galileo.sqlite``.
        set: values changed: ``{"clients[0].requests": 100}``, or texts as ``--set`` has them.
        report: an HTML report is written there in the end. spool: a folder for the spool.
        environment: whether ``${NAME}`` in it are this process's variables. lease: as of :meth:`start`.
        progress: one line in a terminal, one display in a notebook, nothing elsewhere.

        Raises ``UsageError``: it can't be run as it is; ``UnavailableError``: what it needs isn't there; ``TimeLimitError``,
        whose ``result`` is that of what was done until then. An interrupt asks the run to stop and raises KeyboardInterrupt within
        half a second; its ``run`` is the run, as is :attr:`last`, and its ``result()`` that of what was done."""
        deadline = None if timeout is None else time.monotonic() + timeout
        shown = _progress.progress(progress)
        run = self.start(bus=bus, db=db, set=set, report=report, spool=spool, environment=environment, lease=lease)
        try:
            if not run._follow(deadline, shown):
                run.cancel()
                if not run._follow(time.monotonic() + _DRAINED_S, shown):
                    run.cancel(now=True)
                raise run._over_time(timeout, shown)
            result = run.result()
        except KeyboardInterrupt as interrupt:
            run._interrupt(interrupt, shown)
            raise
        except BaseException as error:
            if not isinstance(error, TimeLimitError):
                shown.end(f"{_progress.plain(run.id)}: {_progress.plain(str(error))}")
            raise
        shown.end(str(result))
        return result

    def _request(self, set: Settings, bus: str | None, environment: bool) -> dict[str, Any]:
        request: dict[str, Any] = {"set": _settings(set), "environment": bool(environment)}
        if self._path:
            request["path"] = self._path
        else:
            request.update(text=self._text, folder=os.getcwd())
        if bus is not None:
            request["bus"] = bus
        return request

    def _asked(self, set: Settings, bus: str | None, environment: bool, call: str) -> Any:
        return _session.ask({"call": call, **self._request(set, bus, environment)})


@dataclass(frozen=True)
class RunState:
    """How far a run is. Rates are of the last second, times in seconds; None: not known, or not yet."""

    id: str
    name: str
    #: "preparing" (applications, pods, workers), "sending", "ending" (rows into the database), "over"; "silent": it doesn't answer
    stage: str
    stopping: bool
    phase: str = ""
    elapsed_s: float | None = None
    requests_expected: int | None = None
    duration_expected_s: float | None = None
    intended: int = 0
    answered: int = 0
    failed: int = 0
    not_sent: int = 0
    in_flight: int = 0
    connections: int = 0
    achieved_rps: float | None = None
    p99_s: float | None = None
    #: what it waits for, in words
    waiting: str = ""
    #: what troubles it, in words
    trouble: str = ""
    #: (time, name, value) of the last thousand events; times are seconds since 1970
    events: tuple[tuple[float, str, str], ...] = field(default=(), repr=False)

    @classmethod
    def _of(cls, id: str, told: Mapping[str, Any] | None) -> RunState:
        if told is None:
            return cls(id, "", "silent", False)
        state = {key: value for key, value in (told["state"] or {}).items() if key in cls.__dataclass_fields__}
        return cls(id=told["id"] or id, name=told["name"], stage=told["stage"], stopping=told["stopping"], waiting=_waiting(told),
                   events=tuple((one["time"], one["name"], one["value"]) for one in told["events"]), **state)

    def __str__(self) -> str:
        parts = [self.stage if not self.stopping or self.stage == "over" else "stopping"]
        if self.waiting:
            parts.append(self.waiting)
        elif self.elapsed_s is not None:
            of = f" of {self.requests_expected:,}" if self.requests_expected is not None else ""
            parts.append(f"{self.intended:,}{of} requests, {self.failed:,} failed")
            until = f" of {self.duration_expected_s:.0f} s" if self.duration_expected_s is not None else " s"
            parts.append(f"{self.elapsed_s:.0f}{until}")
            if self.stage == "sending":
                parts.append(f"{self.achieved_rps or 0:,.0f}/s" + (f", p99 {_progress.seconds(self.p99_s)}" if self.p99_s is not None else ""))
        if self.trouble:
            parts.append(self.trouble)
        return _progress.plain(f"{self.name or self.id}: " + " · ".join(parts))


class Run:
    """A run that goes on, or has ended. Any thread may ask and end it; a forked process can't (``ForkedError``), and a pickle of
    it would be of no use to anybody. As a context manager it is cancelled where the block ends before it does."""

    def __init__(self, id: str, link: _link.Link, experiment: Experiment | None, folder: str, db: str) -> None:
        self._id = id
        self._link = link
        self._experiment = experiment
        self._folder = folder
        self._db = db
        self._result: Result | None = None
        self._error: Exception | None = None

    def __reduce__(self) -> Any:
        raise TypeError("a run can't be pickled; its result can, and galileo.attach(id) reaches it from another process")

    def __repr__(self) -> str:
        return f"<galileo run {self._id}{', over' if self._is_over else ''}>"

    def __enter__(self) -> Run:
        return self

    def __exit__(self, *_: object) -> None:
        if not self._is_over and not self.wait(0):
            self.cancel()
            self.wait(_STOPPED_S)

    @property
    def id(self) -> str:
        """The experiment's."""
        return self._id

    @property
    def experiment(self) -> Experiment | None:
        """What it is a run of; None, where another process has begun it."""
        return self._experiment

    @property
    def _is_over(self) -> bool:
        return self._result is not None or self._error is not None

    def state(self) -> RunState:
        """How far it is; ``"silent"`` where its process doesn't answer within two seconds."""
        self._link.check()
        if self._is_over:
            name = self._result.name if self._result is not None else ""
            return RunState(self._id, name, "over", False)
        try:
            with self._talk() as talk:
                return RunState._of(self._id, talk.ask({"call": "follow"}, within=_SILENT_S))
        except _link.Silent:
            return RunState._of(self._id, None)

    def cancel(self, now: bool = False) -> None:
        """Asks it to stop, and doesn't wait: no request becomes due any more, and what is under way has two seconds; ``now``:
        all ends at once. What was recorded is kept. Nothing where it is over."""
        self._cancel(now, _SILENT_S)

    def _cancel(self, now: bool, within: float) -> None:
        self._link.check()
        if self._is_over:
            return
        try:
            with self._talk() as talk:
                talk.ask({"call": "stop", "now": bool(now)}, within=within)
        except ProgramError:
            pass  # its process is gone, which wait() and result() tell
        except _link.Silent:
            pass  # it does so once it goes on

    def wait(self, timeout: float | None = None) -> bool:
        """Waits until it is over, for ``timeout`` seconds at most; whether it is. An interrupt leaves the run going."""
        return self._follow(None if timeout is None else time.monotonic() + timeout, _progress.Progress())

    def result(self, timeout: float | None = None) -> Result:
        """Its result, once it is over. An interrupt leaves the run going.

        Raises ``TimeLimitError`` after ``timeout`` seconds, and the run goes on; what ended a run that couldn't begin, each time it
        is asked."""
        if not self.wait(timeout):
            raise TimeLimitError(f"the run {self._id} isn't over after {timeout} s; it goes on")
        if self._error is not None:
            raise self._error
        assert self._result is not None
        return self._result

    def _follow(self, deadline: float | None, shown: _progress.Progress, patience: float = _SILENT_S) -> bool:
        """Whether it is over at ``deadline``; a process that says nothing ``patience`` seconds later isn't."""
        self._link.check()
        if self._is_over:
            return True
        try:
            with self._talk() as talk:
                since = 0
                while True:
                    left = 1.0 if deadline is None else deadline - time.monotonic()
                    told = talk.ask({"call": "follow", "since": since, "wait_ms": max(0, min(_link.LOOK_MS, int(left * 1000)))},
                                    within=None if deadline is None else max(0.0, left) + patience)
                    since = told["number"]
                    shown.show(str(RunState._of(self._id, told)))
                    if told["stage"] == "over":
                        break
                    if left <= 0:
                        return False
                self._take(talk, None if deadline is None else max(0.0, deadline - time.monotonic()) + patience)
            self._close()  # once nobody talks with its process any more, which ends then
        except ProgramError as error:
            self._lose(error)
        except _link.Silent:
            return False
        return True

    def _talk(self) -> _link.Talk:
        try:
            return self._link.talk()
        except NotFoundError as error:
            if self._is_over:  # another thread was quicker
                raise
            raise ProgramError(str(error), error.what, error.where) from None

    def _take(self, talk: _link.Talk, within: float | None) -> None:
        try:
            self._result = Result(talk.ask({"call": "result"}, within), self._folder, self._db)
        except (ProgramError, _link.Silent):
            raise
        except Exception as error:
            self._error = error

    def _lose(self, error: ProgramError) -> None:
        """Its process was ended from outside; what it has recorded is in the spool."""
        if self._is_over:
            return
        process = self._link.process
        code = None
        if process is not None:
            try:
                code = process.wait(2)  # its connections close a moment before its end can be waited for
            except subprocess.TimeoutExpired:
                pass
        end = "" if code is None else f" (signal {-code})" if code < 0 else f" (exit code {code})"
        words = self._link.words()
        self._error = ProgramError(f"the process of the run {self._id} is gone{end}; what it has recorded is kept in its spool, which the next "
                                   f"`galileo exp` takes in" + (f": {words}" if words else ""), error.what, error.where, words)
        self._close()

    def _close(self) -> None:
        _kept.pop(self._id, None)
        words = self._link.close()
        if words:
            import logging

            for line in words.splitlines():
                logging.getLogger("galileo").warning("%s: %s", self._id, line)

    def _over_time(self, timeout: float | None, shown: _progress.Progress) -> TimeLimitError:
        """Once it was told to end: the error with its result, or without one where its process doesn't answer."""
        while not self._follow(time.monotonic() + _DRAINED_S, shown):
            if self.state().stage == "silent":
                words = f"the run {self._id} was to be stopped after its {timeout} s, and its process doesn't answer; it ends once it goes on"
                shown.end(words)
                return TimeLimitError(words)
        result = self.result()
        shown.end(str(result))
        return TimeLimitError(f"the run {self._id} was stopped after its {timeout} s; the error's result has what was done", result=result)

    def _interrupt(self, interrupt: KeyboardInterrupt, shown: _progress.Progress) -> None:
        """Asks it to stop, waits a moment for its end, and leaves it with the error that is raised. Half a second at most, whether
        its process answers or not."""
        deadline = time.monotonic() + _INTERRUPTED_S
        try:
            self._cancel(False, _INTERRUPTED_S)
            self._follow(deadline, _progress.Progress(), 0.0)
        except KeyboardInterrupt:
            self._cancel(True, _INTERRUPTED_S)
        finally:
            told: Any = interrupt
            told.run = self
            note = f"the run {self._id} was asked to stop; result() of the error's run has what was done"
            shown.end(str(self._result) if self._result is not None else f"{self._id}: stopping")
            if hasattr(told, "add_note"):
                told.add_note(note)


def _plain(value: Any) -> Any:
    """What JSON doesn't have and an experiment file does: paths, and times as text."""
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, timedelta):
        return f"{value.total_seconds()}s"
    if type(value).__module__.partition(".")[0] == "numpy" and callable(getattr(value, "tolist", None)):
        return value.tolist()
    raise TypeError(f"{value!r} can't stand in an experiment: {type(value).__name__}")


def _settings(given: Settings) -> list[str]:
    if isinstance(given, str):
        raise TypeError(f"set={given!r}: a mapping or a list of texts is needed")
    if isinstance(given, Mapping):
        return [f"{key}={value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=_plain)}"
                for key, value in given.items()]
    return [str(one) for one in given]


def _waiting(told: Mapping[str, Any]) -> str:
    waiting, storing = told["waiting"], told["storing"]
    if waiting is not None and told["stage"] == "preparing":
        of = f" {waiting['done']} of {waiting['all']}" if waiting["all"] else ""
        return f"waiting for {waiting['what']}{of}" + (f" ({waiting['latest']})" if waiting["latest"] else "")
    if storing is not None and told["stage"] == "ending":
        return f"{storing['traces_stored']:,} of {storing['traces_made']:,} traces are in the database"
    return ""
