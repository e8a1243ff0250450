"""What a run has come to."""
from __future__ import annotations

import html
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from . import _progress, _session, frames

if TYPE_CHECKING:
    from .experiment import Experiment

__all__ = ["Check", "Result", "Threshold", "Verdict"]


@dataclass(frozen=True)
class Verdict:
    """Whether the result is to be trusted (docs/reference/verdict.md): "VALID", "SUSPECT" or "INVALID", and why it isn't VALID."""

    value: str
    reasons: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.value + "".join(f"\n  {_progress.plain(reason)}" for reason in self.reasons)


@dataclass(frozen=True)
class Threshold:
    """A threshold and what was measured, in base units (seconds, shares, bytes); value None: not known, which hasn't passed."""

    expression: str
    value: float | None
    limit: float
    unit: str
    passed: bool


@dataclass(frozen=True)
class Check:
    """A check of answers: of how many it held after the warm-up, and of how many it didn't."""

    name: str
    passed: int
    failed: int

    @property
    def share(self) -> float | None:
        """Which share of the answers passed; None where it never ran."""
        return self.passed / (self.passed + self.failed) if self.passed + self.failed else None


class Result:
    """What a run has come to. A value: it holds no connection and can be pickled; frames are read when they are asked for."""

    def __init__(self, told: Mapping[str, Any], folder: str, db: str) -> None:
        self._document: dict[str, Any] = told["document"]
        self._exit_code: int = told["exit_code"]
        self._interrupted: bool = told["interrupted"]
        self._problem: str = (told["problem"] or {}).get("text", "")
        self._folder = folder
        self._db = db  # with the password that it may have been named by

    def __getstate__(self) -> dict[str, Any]:
        """Without the password of the database, which the environment says elsewhere."""
        return {**self.__dict__, "_db": ""}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Result) and self.__getstate__() == other.__getstate__()

    __hash__ = None  # type: ignore[assignment]

    @property
    def id(self) -> str:
        """The experiment's."""
        return str(self._document["experiment"]["id"])

    @property
    def name(self) -> str:
        return str(self._document["experiment"]["name"])

    @property
    def status(self) -> str:
        """"FINISHED" or "FAILED"."""
        return str(self._document["experiment"]["status"])

    @property
    def verdict(self) -> Verdict:
        return Verdict(self._document["verdict"]["value"], tuple(self._document["verdict"]["reasons"]))

    @property
    def thresholds(self) -> list[Threshold]:
        """In the order of the file."""
        return [Threshold(one["expression"], one["value"], one["limit"], one["unit"], one["passed"]) for one in self._document["thresholds"]]

    @property
    def passed(self) -> bool:
        """Every threshold has."""
        return all(one["passed"] for one in self._document["thresholds"])

    @property
    def checks(self) -> list[Check]:
        """Checks of answers, by name."""
        return [Check(one["name"], one["passed"], one["failed"]) for one in self._document.get("checks", ())]

    @property
    def steps(self) -> list[dict[str, Any]]:
        """Figures of each step of scenarios, as of each of ``summary["services"]``: ``name``, ``answered``, ``failed``, ``latency_s``, …"""
        return list(self._document.get("steps", ()))

    @property
    def summary(self) -> dict[str, Any]:
        """Its figures, as schema/result.schema.json describes them: ``latency_s``, ``service_time_s``, ``dispatch_error_s`` (with
        ``p50``, ``p95``, ``p99``, ``mean``, …), ``rate``, ``ledger``, ``status_codes``, ``fail_on``, ``services``, ``steps``, ``checks``,
        ``servers``, ``phases``, ``generator``."""
        keys = ("mode", "latency_s", "latency_answered_s", "latency_failed_s", "dispatch_error_s", "service_time_s", "rate", "ledger",
                "status_codes", "fail_on", "services", "steps", "checks", "servers", "phases", "generator")
        return {key: self._document[key] for key in keys if key in self._document}

    @property
    def exit_code(self) -> int:
        """What ``galileo run`` would have ended with: 0, 90 INVALID, 91, 92, 94, 99 a threshold was crossed, 105 interrupted."""
        return self._exit_code

    @property
    def interrupted(self) -> bool:
        """It was stopped before it was done."""
        return self._interrupted

    @property
    def problem(self) -> str:
        """Why not all of it was run, or could be kept; empty: it was."""
        return self._problem

    @property
    def notes(self) -> list[str]:
        """What else is worth knowing."""
        return list(self._document["notes"])

    @property
    def experiment(self) -> Experiment:
        """What was run, with the seed of its draws: running it repeats it. Credentials in it are left out, and values that were
        set beside it are in ``to_dict()["provenance"]["command"]``."""
        from .experiment import Experiment

        return Experiment._of_text(self._document["provenance"]["file_text"])

    @property
    def seed(self) -> int:
        """Of all draws."""
        return int(self._document["provenance"]["seed"])

    @property
    def db(self) -> frames.Database:
        """The database that it is in; where there is none, its spool."""
        url = self._db or self._document["provenance"]["database"]
        if url in ("", "none"):
            url = self._document["provenance"]["spool"]
        return frames.open(url if re.match(r"[a-z0-9+]+:", url) else os.path.join(self._folder, url))

    def traces(self, **arguments: Any) -> Any:
        """Every request of it, as a frame; arguments as of ``galileo.frames.Database.traces``."""
        return self.db.traces(self.id, **arguments)

    def telemetry(self, **arguments: Any) -> Any:
        """What instruments read, as a frame."""
        return self.db.telemetry(self.id, **arguments)

    def events(self, **arguments: Any) -> Any:
        """What happened, as a frame."""
        return self.db.events(self.id, **arguments)

    def nodes(self, **arguments: Any) -> Any:
        """What is known of its nodes, as a frame."""
        return self.db.nodes(self.id, **arguments)

    def report(self, path: str | os.PathLike[str]) -> None:
        """Writes the report there: one HTML file that opens without a network."""
        _session.ask({"call": "report", "document": self._document, "path": os.path.abspath(os.fspath(path))})

    def to_dict(self) -> dict[str, Any]:
        """The whole result (schema/result.schema.json): a copy."""
        copy: dict[str, Any] = json.loads(json.dumps(self._document))
        return copy

    def __repr__(self) -> str:
        return f"<galileo result {self}>"

    def __str__(self) -> str:
        latency, ledger = self._document["latency_s"] or {}, self._document["ledger"]
        failed = sum(ledger["failed"].values())
        crossed = sum(not one["passed"] for one in self._document["thresholds"])
        parts = [f"{ledger['intended']:,} requests, {failed:,} failed"]
        parts += [f"{name} {_progress.seconds(latency[name])}" for name in ("p50", "p99") if latency.get(name) is not None]
        ran = sum(one.passed + one.failed for one in self.checks)
        if ran:
            parts.append(f"{sum(one.passed for one in self.checks):,} of {ran:,} checks passed")
        if self._document["thresholds"]:
            parts.append(f"{len(self._document['thresholds']) - crossed} of {len(self._document['thresholds'])} thresholds passed")
        if self._interrupted:
            parts.append("stopped")
        return _progress.plain(f"{self.id} ({self.name}): {self._document['verdict']['value']} · " + " · ".join(parts))

    def _repr_html_(self) -> str:
        latency = self._document["latency_s"] or {}
        rows = [("verdict", "<br>".join(map(html.escape, (self.verdict.value, *self.verdict.reasons)))),
                ("experiment", html.escape(f"{self.id} ({self.name})")),
                ("latency", html.escape(", ".join(f"{name} {_progress.seconds(latency[name])}" for name in ("p50", "p95", "p99", "max")
                                                  if isinstance(latency.get(name), (int, float))) or "not known"))]
        rows += [(f"check {html.escape(one.name)}", f"{one.passed:,} passed, {one.failed:,} failed") for one in self.checks]
        rows += [(f"{'✓' if one.passed else '✗'} {html.escape(one.expression)}",
                  "not known" if one.value is None else html.escape(f"{one.value:.4g} {one.unit}".strip())) for one in self.thresholds]
        return "<table>" + "".join(f'<tr><th style="text-align:left">{key}</th><td style="text-align:left">{value}</td></tr>'
                                   for key, value in rows) + "</table>"
