"""Requests that a client app's generator makes: how many a second from one process of Python, and what they cost."""
import json
import statistics

from tools import GALILEO, SCRATCH, galileo_load, measured, nginx, table

GENERATORS = {
    "trivial: `return \"get\", \"/\", None`": "def next_request():\n    return 'get', '/', None\n",
    "JSON body and a header": "n = 0\ndef next_request():\n    global n\n    n += 1\n    return 'post', '/', {'json': {'n': n, 'name': 'somebody'}, 'headers': {'X-N': str(n)}}\n",
    "100 kB of base64 in JSON": "import base64\npicture = base64.b64encode(bytes(75000)).decode()\ndef next_request():\n    return 'post', '/', {'json': {'picture': picture}}\n",
}
EXPERIMENT = """name: app
services: {{load: {{router: DebugRouter}}}}
clients: [{{service: load, app: {app}, closed_loop: {{connections: 50}}, duration: {seconds}s}}]
limits: {{threads: 1}}
telemetry: off
"""
BOTH = "0,1"  # the generator's process on the other core


def client_app(quick):
    seconds, rounds = (2, 2) if quick else (5, 5)
    figures = {}
    with nginx() as port:
        for number, (name, text) in enumerate(GENERATORS.items()):
            app = SCRATCH / f"app{number}"
            app.mkdir(exist_ok=True)
            (app / "manifest.yml").write_text("name: app\n")
            (app / "generator.py").write_text(text)
        for _ in range(rounds):
            for number, name in enumerate(GENERATORS):
                app = SCRATCH / f"app{number}"
                (SCRATCH / "app.yaml").write_text(EXPERIMENT.format(app=app, seconds=seconds))
                measured([GALILEO, "run", SCRATCH / "app.yaml", "--db", "none", "--spool", SCRATCH / "spool", "-q", "--json", SCRATCH / "result.json"], BOTH)
                nobody = json.loads((SCRATCH / "result.json").read_text())["ledger"]["answered"] / seconds
                result, (_, cpu, _, _) = galileo_load(port, "-c", 50, "-d", f"{seconds}s", "--app", app, core=BOTH)
                answered = result["ledger"]["answered"]
                figures.setdefault(name, []).append((nobody, answered / seconds, cpu * 1e6 / answered))
    rows = []
    for name, rounds_of in figures.items():
        nobody, asked, cpu = (statistics.median(one[i] for one in rounds_of) for i in range(3))
        rows.append((name, f"{nobody:,.0f}", f"{asked:,.0f}", f"{cpu:.1f}"))
    return "Client apps: requests from one Python process", (
        f"One client, closed loop of 50, {seconds} s, {rounds} rounds, medians. The second column sends nothing (`DebugRouter`), the third asks nginx, on two cores together. "
        "CPU is Galileo's and its Python's.\n\n" +
        table(["generator", "requests/s, made", "requests/s, sent and answered", "CPU a request, µs"], rows))
