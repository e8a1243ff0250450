"""What a seed gives with the module requestgen that is imported, the original or ours: a line of JSON. Run by a python that has
simpy; the folder for files is its argument."""
import itertools
import json
import pickle
import random
import sys

import requestgen
import simpy

folder = sys.argv[1]


def sine(env):
    return requestgen.expovariate_arrival_profile(requestgen.sine_rps_profile(env, 40, 7), scale=0.7, max_ia=2)


def walk(env):
    return requestgen.static_arrival_profile(requestgen.randomwalk_rps_profile(20, 9, 60, min_rps=1), max_ia=0.4)


def whole(env):
    return requestgen.static_arrival_profile(requestgen.constant_rps_profile(1), max_ia=1)


def saved(profile, *environment):
    random.seed(42)
    requestgen.save_requests(profile, 30, f"{folder}/saved.pkl", *environment)
    with open(f"{folder}/saved.pkl", "rb") as file:
        gaps = pickle.load(file)
    assert gaps == list(requestgen.pre_recorded_profile(f"{folder}/saved.pkl"))
    return [type(gaps[0]).__name__, gaps]


def frame(profile):
    random.seed(42)
    made = requestgen.run_arrival_profile(simpy.Environment(5), profile, 12)
    return {"columns": [*map(str, made.columns)], "kinds": [*map(str, made.dtypes), str(made.index.dtype)], "index": [*map(str, made.index)],
            "simtime": list(made.simtime), "ia": list(made.ia)}


def one_after_the_other():
    """As profiles are concatenated: in one environment, where the first one's process goes on."""
    random.seed(42)
    env, until, gaps = simpy.Environment(), 0, []
    for profile, duration in ((sine, 10), (walk, 10), (sine, 5)):
        until += duration
        gaps += list(requestgen.run_arrival_profile(env, profile(env), until).ia)
    return gaps


def rates(profile_of, step=0.5):
    random.seed(42)
    env = simpy.Environment()
    return requestgen.run_rps_profile(env, profile_of(env), 9, step)


def still(env):
    """A clock that stands: asked ten times at one time."""
    return list(itertools.islice(requestgen.sine_rps_profile(env, 10, 4), 10))


nothing = iter([0, -1, 4, 0.5])
print(json.dumps({
    "sine": saved(sine), "walk": saved(walk), "whole": saved(whole), "own environment": saved(sine, simpy.Environment(3)),
    "frame": frame(requestgen.expovariate_arrival_profile(requestgen.constant_rps_profile(9))), "concatenated": one_after_the_other(),
    "rates": rates(lambda env: requestgen.sine_rps_profile(env, 12.5, 3)), "steps": rates(lambda _: requestgen.randomwalk_rps_profile(5, 3, 9), 0.1),
    "constant": rates(lambda _: requestgen.constant_rps_profile(7)), "still": still(simpy.Environment(1.5)),
    "no rate": list(itertools.islice(requestgen.expovariate_arrival_profile(nothing, max_ia=3), 2))}), file=sys.stderr)
