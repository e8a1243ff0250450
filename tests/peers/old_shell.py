"""Drives the original shell's objects from a test; run by the peers' python (conftest.py).

A JSON object a line on stdin: {"call": "g.spawn", "args": [...], "kwargs": {...}, "as": "c"} calls what the
original `galileo.shell.shell.init()` gave (g, rtbl, exp, telemd, show) or what was kept by "as"; {"get":
"f.done"} reads. A list under "ia" becomes a tuple, {"$": "c"} what is kept as c. A line on stdout answers:
{"result": ...} or {"error": "IndexError: ..."}. What the shell prints itself goes to stderr.
"""
import json
import os
import sys

import redis
from galileo.shell import shell


def plain(value):
    """As JSON: named tuples as objects, groups as the list of their client ids, what else there is as its text."""
    if hasattr(value, "_asdict"):
        return {key: plain(item) for key, item in value._asdict().items()}
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, set):
        return sorted(plain(item) for item in value)
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, shell.ClientGroup):
        return [client.client_id for client in value.clients]
    return value if value is None or isinstance(value, (str, int, float, bool)) else repr(value)


def main():
    answers, sys.stdout = sys.stdout, sys.stderr
    connection = redis.Redis(host=os.environ["galileo_redis_host"], port=int(os.environ["galileo_redis_port"]),
                             password=os.environ.get("galileo_redis_password"), decode_responses=True)
    names = shell.init(connection)

    def find(path):
        first, *rest = path.split(".")
        value = names[first]
        for name in rest:
            value = getattr(value, name)
        return value

    def given(value, key=None):
        if isinstance(value, dict) and list(value) == ["$"]:
            return find(value["$"])
        return tuple(value) if key == "ia" and isinstance(value, list) else value

    for line in sys.stdin:
        order = json.loads(line)
        try:
            if "get" in order:
                result = find(order["get"])
            else:
                result = find(order["call"])(*[given(value) for value in order.get("args", [])],
                                             **{key: given(value, key) for key, value in order.get("kwargs", {}).items()})
            if "as" in order:
                names[order["as"]] = result
            answer = {"result": plain(result)}
        except Exception as error:  # whatever the shell's user would see
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), file=answers, flush=True)
    os._exit(0)  # its threads would keep it


if __name__ == "__main__":
    main()
