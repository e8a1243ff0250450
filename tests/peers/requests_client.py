"""What the old client does with its parameters, run by an interpreter that has Python's requests: one request a line."""
import json
import sys

import requests


def send(host, parameters):
    """As galileo.apps.app.DefaultAppClient and galileo.routing.HostRouter do it. JSON has no pairs, so that the old client dies of
    those that requests wants; here they are some."""
    method, path, kwargs = parameters.get("method", "get"), parameters.get("path", "/"), parameters.get("kwargs") or {}
    pairs = {name: tuple(kwargs[name]) for name in ("auth", "timeout", "cert") if isinstance(kwargs.get(name), list)}
    return requests.request(method, f"http://{host}{path}", **{**kwargs, **pairs})


for line in sys.stdin:
    asked = json.loads(line)
    try:
        answer = {"status": send(asked["host"], asked["parameters"]).status_code}
    except Exception as error:  # whatever a request may die of
        answer = {"error": f"{type(error).__name__}: {str(error)[:300]}"}
    print(json.dumps(answer), flush=True)
