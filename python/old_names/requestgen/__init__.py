"""Arrival profiles by Python's own draws, under the names of the original ``requestgen`` (edgerun-request-generator).

A rate profile yields requests a second, an arrival profile turns such rates into seconds between requests. Draws come from
``random``, and rates that change over time from the clock of the simpy environment that is handed over, looked at when the next
value is asked for: who seeds ``random`` gets the original's numbers. simpy and pandas are imported by the functions that need
them.

What differs: a rate of 0 gives one gap of ``max_ia`` in ``static_arrival_profile`` and goes on, where the original ends with a
ZeroDivisionError; files are read as lists of numbers, and nothing that they name is run.
"""
from __future__ import annotations

import math
import random
import time
from typing import TYPE_CHECKING, Any, Callable, Iterable, Iterator, Protocol

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["constant_rps_profile", "sine_rps_profile", "randomwalk_rps_profile", "static_arrival_profile", "expovariate_arrival_profile",
           "run_arrival_profile", "run_rps_profile", "save_requests", "pre_recorded_profile", "concatenate_profiles_and_save"]


class Clock(Protocol):
    """What a simpy environment has, of which rates need no more."""

    @property
    def now(self) -> float: ...


def constant_rps_profile(rps: float) -> Iterator[float]:
    """The same rate for ever, requests a second."""
    while True:
        yield rps


def sine_rps_profile(env: Clock, max_rps: float, period: float) -> Iterator[float]:
    """Between 0 and ``max_rps``, from the middle upwards; ``period`` is the seconds from peak to peak."""
    stretch = period / (2 * math.pi)
    while True:
        yield (math.sin(env.now / stretch) + 1) / 2 * max_rps


def randomwalk_rps_profile(mu: float, sigma: float, max_rps: float, min_rps: float = 0) -> Iterator[float]:
    """Each rate is drawn around the last one that was between the bounds, ``mu`` at first; ``sigma`` says how far it goes."""
    while True:
        rate = random.normalvariate(mu, sigma)
        if rate >= max_rps:
            yield max_rps
        elif rate <= min_rps:
            yield min_rps
        else:
            mu = rate
            yield rate


def static_arrival_profile(rps_generator: Iterator[float], max_ia: float = math.inf) -> Iterator[float]:
    """Seconds between requests that come evenly at these rates, ``max_ia`` at most."""
    for rate in rps_generator:
        yield max_ia if rate == 0 else min(1 / rate, max_ia)


def expovariate_arrival_profile(rps_generator: Iterator[float], scale: float = 1.0, max_ia: float = math.inf) -> Iterator[float]:
    """Seconds between requests that come independently of each other at these rates, times ``scale``, ``max_ia`` at most. A rate
    that isn't above 0 counts as a second."""
    for rate in rps_generator:
        gap = random.expovariate(rate) if rate > 0 else 1
        yield min(gap * scale, max_ia)


def pre_recorded_profile(file: str) -> Iterator[float]:
    """The seconds between requests of a file that ``save_requests`` has written."""
    from galileo import _gaps

    yield from _gaps.read(file)


def run_rps_profile(env: Any, profile: Iterator[float], until: float, time_step: float = 0.5) -> tuple[list[float], list[float]]:
    """(times, rates): a rate profile looked at every ``time_step`` seconds of the environment's clock."""
    return _simulate(env, profile, until, lambda _: time_step)


def run_arrival_profile(env: Any, ia_gen: Iterator[float], until: float) -> pd.DataFrame:
    """A frame of the gaps that began before ``until``: ``simtime``, when, in seconds of the environment's clock, and ``ia``, the
    gap; its index is ``simtime`` as time from 1970 on."""
    import pandas as pd

    times, gaps = _timed(env, ia_gen, until)
    return pd.DataFrame({"simtime": times, "ia": gaps}, index=pd.DatetimeIndex(pd.to_datetime(times, unit="s", origin="unix")))


def save_requests(profile: Callable[[Any], Iterator[float]], duration: float, file: str, env: Any = None) -> None:
    """Writes the gaps of ``duration`` seconds as a profile's file. ``profile`` makes an arrival profile of an environment, a new
    one where none is given."""
    from galileo import _gaps

    with open(file, "wb") as out:
        env = _environment() if env is None else env
        _gaps.write(out, _timed(env, profile(env), duration)[1])


def concatenate_profiles_and_save(file: str, profiles: Iterable[tuple[Callable[[Any], Iterator[float]], float]]) -> None:
    """Writes the gaps of several profiles, (profile, seconds) each, one after the other; the clock runs on."""
    from galileo import _gaps

    env = _environment()
    until, gaps = 0.0, []
    for profile, duration in profiles:
        until += duration
        gaps += _timed(env, profile(env), until)[1]
    with open(file, "wb") as out:
        _gaps.write(out, gaps)


def _environment() -> Any:
    import simpy

    return simpy.Environment()


def _simulate(env: Any, values: Iterator[float], until: float, step: Callable[[float], float]) -> tuple[list[float], list[float]]:
    """When each value was asked for, and the values. The process stays in the environment, as the original's does: where that
    runs on, it draws on, and its draws are among those of a seed."""
    times: list[float] = []
    drawn: list[float] = []
    over = False

    def process() -> Iterator[Any]:
        for value in values:
            if not over:
                times.append(env.now)
                drawn.append(value)
            yield env.timeout(step(value))

    env.process(process())
    env.run(until=until)
    over = True
    return times, drawn


def _timed(env: Any, gaps: Iterator[float], until: float) -> tuple[list[float], list[float]]:
    began = time.monotonic()
    times, drawn = _simulate(env, gaps, until, lambda gap: gap)
    print(f"{len(drawn)} events simulated in {time.monotonic() - began:.2f} s")
    return times, drawn
