"""schema/experiment.schema.json and `galileo run FILE --dry-run` say the same of small files, each of one idea;
where they can't, or don't, the file stands in a table of its own, with the reason."""
import re

import pytest
from experiment_schema import problems

pytestmark = pytest.mark.quick

FILE = """name: x
services: {{a: {{hosts: {{"127.0.0.1:1": 1}}}}}}
clients: [{{service: a{client}}}]
{rest}
"""
CLIENTS = "clients: [{service: a}]"


def client(more):
    return FILE.format(client=", " + more, rest="")


def rest(more):
    return FILE.format(client="", rest=more)


def changing(events):
    return FILE.format(client=", rate: 5", rest=f"events: [{events}]")


def service(more):
    return f"name: x\nservices: {{a: {more}}}\n{CLIENTS}\n"


def request(more):
    return client(f"request: {{{more}}}")


def phases(more):
    return f'name: x\nservices: {{a: {{hosts: ["127.0.0.1:1"]}}}}\nphases: {more}\n'


RIGHT = {
    "the least": rest(""),
    "a name that looks like a number": rest("").replace("name: x", "name: 5"),
    "a seed in digits": rest("seed: 9000000000000000000"),
    "a seed as a count": rest("seed: 1.5k"),
    "a seed in quotes": rest('seed: "7"'),
    "a seed from the environment": rest("seed: ${NO_SUCH_VARIABLE:-7}"),
    "keys with nothing after them": rest("seed:\ncreator:\napplications:\nwarmup:\nlimits:\ntelemetry:\nthresholds:"),
    "a dollar": rest("creator: me $$ ${NO_SUCH_VARIABLE:-}"),
    "an application": rest('applications: [{name: b, command: [sleep, 5], ready: "[::1]:80"}]'),
    "a command in one text": rest("applications: [{name: b, command: sleep 5, ready: 'http://a:80/x?y'}]"),
    "an application with everything": rest("""applications:
  - {name: b, command: x, environment: {A: 1, B: , C: d}, directory: /tmp, ready: "", ready_timeout: 1s, stop_timeout: 0}"""),
    "one host": service('{hosts: "127.0.0.1:80"}'),
    "a list of hosts": service('{hosts: ["127.0.0.1:80", localhost, "[::1]:80"]}'),
    "weights": service('{hosts: {"127.0.0.1:80": 0, b: 1.5, c: "2"}, router: SymmetryServiceRouter, balancer: p2c}'),
    "a static host": service("{router: StaticRouter, static_host: http://127.0.0.1:80/x}"),
    "a static host without a scheme": service('{router: StaticRouter, static_host: "127.0.0.1:80"}'),
    "no host for DebugRouter": service("{router: DebugRouter}"),
    "hosts from the environment": service('{hosts: {"${NO_SUCH_VARIABLE:-127.0.0.1}:80": "${NO_SUCH_VARIABLE:-1}"}}'),
    "events": changing("{at: 5s, event: deploy, value: 2}, {when: 'p99(latency) > 200ms', event: slow}"),
    "events that change a rate": changing("{at: 5s, client: a, rate: 10k}, {when: failed > 5, client: a, arrival: expovariate(5)},"
                                          " {at: 0, client: a, rate: {shape: ramp, from: 1, to: 5, seconds: 3}}"),
    "an event of a phase": phases("[{name: b, duration: 1m, clients: [{service: a}], events: [{at: 1m, event: end}]}]"),
    "phases": phases("[{name: b, duration: 1m, clients: [{service: a}]}, {name: c, clients: []}]"),
    "a group of clients": client("name: b, num: 1k, requests: 1.5M, duration: 1h30m, start_after: 0, warmup: 250ms"),
    "without end": client("requests: 0"),
    "a rate": client("rate: 100.5"),
    "a rate in k": client("rate: 1.5k"),
    "a rate a minute": client("rate: 600/m"),
    "a rate a time": client("rate: 50 / 1.5s"),
    "a constant": client("rate: {rps: 5}"),
    "a sine": client("rate: {shape: sine, max_rps: 200, period: 60s, process: exponential}"),
    "a random walk": client("rate: {shape: random_walk, mu: 5, sigma: 1, max: 1k, min: 0, step: 1s}"),
    "a ramp": client("rate: {shape: ramp, from: 0, to: 10k, seconds: 30}"),
    "steps": client("rate: {shape: steps, steps: [{rps: 0, for: 1s}, {rps: 5, for: 1m}]}"),
    "a closed loop": client("closed_loop: {connections: 10k}"),
    "a closed loop of one": client("closed_loop: {}"),
    "an arrival as a call": client("arrival: ' lognormvariate ( -6.9 , .3 ) '"),
    "no pause": client("arrival: constant()"),
    "an arrival": client("arrival: {distribution: expovariate, parameters: [100]}"),
    "one parameter without a list": client("arrival: {distribution: expovariate, parameters: 1e2}"),
    "a rate as an arrival": client("arrival: {distribution: ramp, parameters: [1, 5, 10]}"),
    "a list": client("arrival: {list: [0.1, 0, .5]}"),
    "a list that says what it is": client("arrival: {distribution: prerecorded, list: [1]}"),
    "a profile": client("arrival: {profile: a.csv, column: seconds}"),
    "a replay": client("replay: log"),
    "a replay with everything": client("""request: {headers: {A: b}, timeout: 1s}, requests: 5, replay: {file: log, format: json, speed: 0.5, share: 50%, copies: 3, times: end,
  fields: {time: start_time, target: path, took: 'd:ms'}, host: '*', client_spans: off, body: skip, keep_secrets: no, keep_host: yes}"""),
    "a replay at a speed in words": client("replay: {file: log, speed: x2, share: 0.5, body: hello}"),
    "targets": client("targets: targets, rate: 5"),
    "targets in a closed loop": client("targets: targets, closed_loop: {connections: 5}, num: 5"),
    "a request": request("method: POST, path: orders, params: {a: [1, 2], b: }, headers: {X-A: 1}, timeout: 2s"),
    "a form": request("method: post, data: [[a, 1], [a, [2, 3]]]"),
    "a body": request("method: put, data: hello, json: {a: [1, {b: }]}"),
    "hosts of https": service('{hosts: {"https://b": 1, "https://[::1]:8443": 1, c: 1}}'),
    "a static host of https": service("{router: StaticRouter, static_host: https://b:8443/x}"),
    "a certificate": request("verify: ca.pem, cert: both.pem, tls: {min_version: 1.3, resume: no}"),
    "revoked certificates": request("verify: ca.pem, tls: {crl: revoked.pem}"),
    "a certificate and its key": request("cert: [c.pem, k.pem], tls:"),
    "who asks": request("auth: [me, 1234], cookies: {a: b}, allow_redirects: off, verify: No"),
    "limits": rest("""limits: {threads: 0, connections: 500, connect_timeout: 1s, request_timeout: 1m 30s, grace: 0s, body_max: 1.5GiB,
  head_max: 64KiB, address_family: ipv4, redirects: 3, keep_headers: on, keep_response: 1 kB}"""),
    "failures": rest("limits: {fail_on: '404, 500-599'}"),
    "failures in a list": rest("limits: {fail_on: [404, 500 - 599]}"),
    "no failures": rest("limits: {fail_on: none}"),
    "one failure": rest("limits: {fail_on: 500}"),
    "a header twice": request("headers: [[X-A, 1], [X-A, 2]]"),
    "no telemetry": rest("telemetry: off"),
    "telemetry": rest("telemetry: {period: 0.1, instruments: [cpu, psi_io], processes: [{name: b, pid: 1}]}"),
    "files, pages and commands": rest("telemetry: {files: {room: /run/a}, scrape: {app: 'http://127.0.0.1:9090/metrics', db: db/m}, scrape_metrics: [up, http_*], commands: {room: 'cat /run/a', n: 5}}"),
    "one metric": rest("telemetry: {scrape: , scrape_metrics: up, commands: {}}"),
    "one instrument": rest("telemetry: {instruments: cpu, processes: [{name: b, pid_file: /run/b.pid}]}"),
    "a watched application": rest("applications: [{name: b, command: x}]\ntelemetry: {processes: [b]}"),
    "nodes of a bus": rest("telemetry: {nodes: [n1, n2]}\nbus: redis://127.0.0.1:1"),
    "one node of a bus": rest("telemetry: {nodes: n1}\nbus: redis://127.0.0.1:1"),
    "metadata": rest("metadata: {exp: {host: n1, requests: {n: 60, ia: 0.025}}, list: [1, {a: ~}], note: ü, 5: on, verdicts: x}"),
    "no metadata": rest("metadata: {}"),
    "thresholds": rest("""thresholds:
  - p99.9(latency{service=a}) <= 1.5 ms
  - failed{server=127.0.0.1:1} == 0
  - error_rate<1%
  - achieved > 1k
  - max(process_rss/galileo) < 1GiB
  - p99(latency[answered]{phase=main}) < 1s
  - achieved > 600/m
  - min(latency) >= 0
  - max(cpu) < 90 %
  - mean ( psi_cpu/some ) != -1e-3s
  - max(cpu{node=pi-1}) < 90%
  - max(process_rss/galileo{node = pi 1}) < 1GiB
  - error_rate{service=a} < 1%
  - achieved{worker=w1} > 10
  - p95(latency[failed]{worker=w1}) < 1s"""),
    "thresholds that end the run": rest("""thresholds:
  - {expression: failed == 0, abort: yes}
  - {expression: p95(latency) < 5ms, abort: true, for: 30s}
  - {expression: max(latency) < 1s, abort: true}
  - {expression: error_rate < 1%}"""),
    "a threshold from the environment": rest("thresholds: ['p95(latency) < ${NO_SUCH_VARIABLE:-5ms}']"),
}

WRONG = {
    "an event without a time": changing("{event: x}"),
    "an event at a time and on a condition": changing("{at: 1s, when: failed > 5, event: x}"),
    "an event that does nothing": changing("{at: 1s}"),
    "an event that changes nothing": changing("{at: 1s, client: a}"),
    "an event that changes nobody": changing("{at: 1s, rate: 5}"),
    "an event that changes two things": changing("{at: 1s, client: a, rate: 5, arrival: expovariate(5)}"),
    "an event of two kinds": changing("{at: 1s, client: a, rate: 5, event: x}"),
    "an event with an unknown key": changing("{at: 1s, evnt: x}"),
    "an event at a word": changing("{at: soon, event: x}"),
    "an event on a condition without a unit": changing("{when: p99(latency) > 200, event: x}"),
    "a rate of 0 from then on": changing("{at: 1s, client: a, rate: 0}"),
    "events beside phases": phases("[{name: b, clients: [{service: a}]}]") + "events: [{at: 1s, event: x}]\n",
    "no name": rest("").replace("name: x", ""),
    "an empty name": rest("").replace("name: x", "name: ''"),
    "a name that is a list": rest("").replace("name: x", "name: [x]"),
    "a file that is a list": "[1]\n",
    "an unknown key": rest("thresholdes: []"),
    "no services": rest("").replace("services:", "# services:"),
    "services of nothing": rest("").replace('{a: {hosts: {"127.0.0.1:1": 1}}}', "{}"),
    "a list of services": rest("").replace('{a: {hosts: {"127.0.0.1:1": 1}}}', "[a]"),
    "a service's name with a comma": rest("").replace("{a:", "{'a,b':").replace("service: a", "service: 'a,b'"),
    "no clients": rest("").replace("clients:", "# clients:"),
    "an empty list of clients": rest("").replace("[{service: a}]", "[]"),
    "clients and phases": rest("phases: [{name: b, duration: 1s, clients: [{service: a}]}]"),
    "a client that is a word": rest("").replace("[{service: a}]", "[a]"),
    "a seed in words": rest("seed: seven"),
    "half a seed": rest("seed: 0.5"),
    "a warm-up without a unit's number": rest("warmup: s"),
    "a warm-up in weeks": rest("warmup: 1w"),
    "a negative warm-up": rest("warmup: -1"),
    "an unknown key of an application": rest("applications: [{name: b, command: x, redy: y}]"),
    "an application without a command": rest("applications: [{name: b}]"),
    "an application without a name": rest("applications: [{command: x}]"),
    "an application's name with a slash": rest("applications: [{name: b/c, command: x}]"),
    "an application's name that hides its log": rest("applications: [{name: .b, command: x}]"),
    "an empty command": rest("applications: [{name: b, command: []}]"),
    "a command that is a map": rest("applications: [{name: b, command: {a: b}}]"),
    "a command of lists": rest("applications: [{name: b, command: [x, [y]]}]"),
    "an environment that is a list": rest("applications: [{name: b, command: x, environment: [A=1]}]"),
    "an environment of maps": rest("applications: [{name: b, command: x, environment: {A: {b: c}}}]"),
    "a readiness without a port": rest("applications: [{name: b, command: x, ready: localhost}]"),
    "a readiness over https": rest("applications: [{name: b, command: x, ready: 'https://a/'}]"),
    "no time to be ready": rest("applications: [{name: b, command: x, ready_timeout: 0s}]"),
    "applications that are a map": rest("applications: {b: {command: x}}"),
    "a service without hosts": service("{}"),
    "a service of nothing": service(""),
    "a service that is a word": service("b"),
    "a service with no hosts": service("{hosts: []}"),
    "a service whose weights are 0": service("{hosts: {b: 0, c: 0}}"),
    "a negative weight": service("{hosts: {b: -1}}"),
    "a weight in words": service("{hosts: {b: much}}"),
    "a port too large": service('{hosts: ["b:65536"]}'),
    "a host that is a URL": service('{hosts: ["http://b"]}'),
    "a host of https with a path": service('{hosts: ["https://b/x"]}'),
    "a verify that is a list": request("verify: [a]"),
    "a certificate of three": request("cert: [a, b, c]"),
    "an old TLS": request("tls: {min_version: 1.1}"),
    "revoked certificates in a list": request("tls: {crl: [a.pem]}"),
    "TLS with another key": request("tls: {verify: no}"),
    "a host twice": service("{hosts: [b, b]}"),
    "an unknown router": service("{hosts: [b], router: HostRouter}"),
    "an unknown balancer": service("{hosts: [b], balancer: round_robin}"),
    "StaticRouter without its host": service("{hosts: [b], router: StaticRouter}"),
    "a static host for nobody": service("{hosts: [b], static_host: http://b}"),
    "no phase": phases("[]"),
    "phases without clients": phases("[{name: b, duration: 1s, clients: []}]"),
    "a phase without clients": phases("[{name: b, duration: 1s}]"),
    "a phase without a name": phases("[{clients: [{service: a}]}]"),
    "a phase called warmup": phases("[{name: warmup, clients: [{service: a}]}]"),
    "a phase of no length": phases("[{name: b, duration: 0, clients: [{service: a}]}]"),
    "a client of no service": rest("").replace("{service: a}", "{num: 1}"),
    "a client's name with a brace": client("name: 'a{b'"),
    "clients in words": client("num: many"),
    "a duration of nothing": client("duration: 0s"),
    "an arrival and a rate": client("arrival: expovariate(1), rate: 1"),
    "a rate and a closed loop": client("rate: 1, closed_loop: {}"),
    "an arrival and a closed loop": client("arrival: expovariate(1), closed_loop: {}"),
    "a negative rate": client("rate: -5"),
    "a rate of 0": client("rate: 0"),
    "a rate in words": client("rate: fast"),
    "a rate of no time": client("rate: 50/0s"),
    "a rate too large": client("rate: 1000000001"),
    "a list of rates": client("rate: [1, 2]"),
    "an unknown shape": client("rate: {shape: square, rps: 1}"),
    "an unknown process": client("rate: {rps: 1, process: poisson}"),
    "a constant without its rate": client("rate: {process: static}"),
    "no steps": client("rate: {shape: steps, steps: []}"),
    "a step without its time": client("rate: {shape: steps, steps: [{rps: 1}]}"),
    "a step of no time": client("rate: {shape: steps, steps: [{rps: 1, for: 0}]}"),
    "a closed loop that is a number": client("closed_loop: 50"),
    "an unknown distribution": client("arrival: {distribution: expo, parameters: [1]}"),
    "an unknown distribution as a call": client("arrival: expo(1)"),
    "a distribution without parameters": client("arrival: expovariate"),
    "a parameter too many": client("arrival: {distribution: expovariate, parameters: [1, 2]}"),
    "a parameter too few": client("arrival: 'uniform(1)'"),
    "no parameters": client("arrival: {distribution: expovariate}"),
    "a parameter in words": client("arrival: {distribution: expovariate, parameters: [fast]}"),
    "parameters without a distribution": client("arrival: {parameters: [1]}"),
    "a recording of nothing": client("arrival: {distribution: prerecorded}"),
    "a replay at a rate": client("replay: log, rate: 5"),
    "a replay in a closed loop": client("replay: log, closed_loop: {}"),
    "a replay and targets": client("replay: log, targets: targets"),
    "a replay of nothing": client("replay: {speed: 5}"),
    "a replay of an unknown format": client("replay: {file: log, format: xml}"),
    "a replay with an unknown key": client("replay: {file: log, sped: 5}"),
    "a log's unknown field": client("replay: {file: log, fields: {when: x}}"),
    "no copies": client("replay: {file: log, copies: 0}"),
    "a list and a profile": client("arrival: {list: [1], profile: a.csv}"),
    "a list of a distribution": client("arrival: {distribution: expovariate, parameters: [1], list: [1]}"),
    "a column of a list": client("arrival: {list: [1], column: a}"),
    "a request that is a word": client("request: get"),
    "an unknown key of a request": request("url: /"),
    "a method of two words": request("method: get it"),
    "CONNECT": request("method: connect"),
    "a header's name with a blank": request("headers: {'a b': c}"),
    "headers in a list": request("headers: [a]"),
    "a header of two lines": request('headers: {a: "b\\nc"}'),
    "a parameter that is a map": request("params: {a: {b: c}}"),
    "a list that isn't of pairs": request("data: [a]"),
    "half of who asks": request("auth: [me]"),
    "who asks in one text": request("auth: me"),
    "a cookie with a semicolon": request("cookies: {a: 'b;c'}"),
    "no time for an answer": request("timeout: 0"),
    "a redirect in numbers": request("allow_redirects: 5"),
    "a port without its host": service("{hosts: [8080]}"),
    "an unknown limit": rest("limits: {connection: 5}"),
    "limits in a list": rest("limits: [5]"),
    "a size in seconds": rest("limits: {body_max: 5s}"),
    "an unknown family": rest("limits: {address_family: ipv5}"),
    "failures by a digit and a half": rest("limits: {fail_on: 4x}"),
    "failures without an end": rest("limits: {fail_on: 400-}"),
    "no list of failures": rest("limits: {fail_on: []}"),
    "a failure of two digits": rest("limits: {fail_on: 99}"),
    "half a header": request("headers: [[X-A]]"),
    "a header's name with a blank in a list": request("headers: [[X A, 1]]"),
    "a maybe": rest("limits: {keep_headers: maybe}"),
    "a telemetry maybe": rest("telemetry: maybe"),
    "a list of telemetry": rest("telemetry: [cpu]"),
    "a period too short": rest("telemetry: {period: 0.009}"),
    "files without names": rest("telemetry: {files: [/run/a]}"),
    "a file without a path": rest("telemetry: {files: {room: }}"),
    "a page that isn't a URL": rest("telemetry: {scrape: {app: 'ftp://x/'}}"),
    "a page without one": rest("telemetry: {scrape: {app: ''}}"),
    "a command that is blank": rest("telemetry: {commands: {room: '  '}}"),
    "a command with a list": rest("telemetry: {commands: {room: [a]}}"),
    "a command whose name can't be": rest("telemetry: {commands: {'a,b': c}}"),
    "an unknown instrument": rest("telemetry: {instruments: [cpus]}"),
    "an application without a list": rest("applications: [{name: b, command: x}]\ntelemetry: {processes: b}"),
    "a process without its id": rest("telemetry: {processes: [{name: b}]}"),
    "a process with two": rest("telemetry: {processes: [{name: b, pid: 1, pid_file: c}]}"),
    "a process without a name": rest("telemetry: {processes: [{pid: 1}]}"),
    "a process twice": rest("telemetry: {processes: [{name: b, pid: 1}, {name: b, pid: 1}]}"),
    "metadata in a list": rest("metadata: [a]"),
    "metadata in a word": rest("metadata: a"),
    "nodes in a map": rest("telemetry: {nodes: {a: b}}\nbus: redis://127.0.0.1:1"),
    "one threshold without a list": rest("thresholds: failed == 0"),
    "a threshold that is a list": rest("thresholds: [[failed == 0]]"),
    "a threshold of nothing": rest("thresholds: ['']"),
    "a threshold without its expression": rest("thresholds: [{abort: yes}]"),
    "an unknown key of a threshold": rest("thresholds: [{expression: failed == 0, stop: yes}]"),
    "a threshold that is crossed for nothing": rest("thresholds: [{expression: failed == 0, abort: yes, for: 0s}]"),
    "a group without a name": rest("thresholds: ['failed{service=} == 0']"),
    "requests of a node": rest("thresholds: ['failed{node=a} == 0']"),
    "a node's telemetry by service": rest("thresholds: ['max(cpu{service=a}) < 5%']"),
    "a threshold without a limit": rest("thresholds: ['failed ==']"),
    "a time without its unit": rest("thresholds: ['p95(latency) < 200']"),
    "a share without its unit": rest("thresholds: ['error_rate < 0.01']"),
    "a count in percent": rest("thresholds: ['failed < 1%']"),
    "an unknown outcome": rest("thresholds: ['p95(latency[answerd]) < 5ms']"),
    "a threshold in another unit": rest("thresholds: ['p95(latency) < 5 minutes']"),
    "an unknown metric": rest("thresholds: ['latncy < 5ms']"),
    "an unknown function": rest("thresholds: ['median(latency) < 5ms']"),
    "a percentile beyond 100": rest("thresholds: ['p101(latency) < 5ms']"),
    "a time without a function": rest("thresholds: ['latency < 5ms']"),
    "a count with a function": rest("thresholds: ['max(failed) < 5']"),
    "a percentile of telemetry": rest("thresholds: ['p95(cpu) < 5%']"),
    "a group of a metric that has none": rest("thresholds: ['p95(service_time{service=a}) < 5ms']"),
    "an unknown group": rest("thresholds: ['p95(latency{host=a}) < 5ms']"),
}

# Each map, with a key that isn't its own.
WRONG |= {f"an unknown key {where}": text for where, text in {
    "of a service": service("{hosts: [b], zone: c}"),
    "of a phase": phases("[{name: b, clients: [{service: a}], zone: c}]"),
    "of a client": client("zone: c"),
    "of an arrival": client("arrival: {distribution: expovariate, parameters: [1], zone: c}"),
    "of a rate": client("rate: {rps: 1, zone: c}"),
    "of a step": client("rate: {shape: steps, steps: [{rps: 1, for: 1s, zone: c}]}"),
    "of a closed loop": client("closed_loop: {zone: c}"),
    "of the telemetry": rest("telemetry: {zone: c}"),
    "of a process": rest("telemetry: {processes: [{name: b, pid: 1, zone: c}]}"),
}.items()}
# Each shape, without each of its parameters and with one that isn't its own.
SHAPES = {"constant": {"rps": 1}, "sine": {"max_rps": 1, "period": 1}, "random_walk": {"mu": 1, "sigma": 1, "max": 1},
          "ramp": {"from": 1, "to": 1, "seconds": 1}, "steps": {"steps": "[{rps: 1, for: 1}]"}}


def shape(name, parameters):
    return client(f"rate: {{shape: {name}" + "".join(f", {key}: {value}" for key, value in parameters.items()) + "}")


for name, parameters in SHAPES.items():
    RIGHT[f"the shape {name}"] = shape(name, parameters)
    WRONG[f"a stranger in the shape {name}"] = shape(name, {**parameters, "period" if name == "ramp" else "from": 1})
    for key in parameters:
        WRONG[f"the shape {name} without {key}"] = shape(name, {other: 1 for other in parameters if other != key})
# Each key of the result's own, as one of the user's metadata.
WRONG |= {f"metadata with the result's {key}": rest(f"metadata: {{{key}: 1}}") for key in (
    "verdict", "thresholds", "ledger", "generator", "provenance", "notes", "fail_on", "exp_id", "galileo", "checkpoint", "recorder", "damaged_bytes",
    "traces_lost", "others_lost", "traces_refused", "others_refused")}
# Each number that has bounds, at them and beyond them.
for name, text, least, most in (
        ("num", client("num: @"), 1, 1_000_000), ("requests", client("requests: @"), 0, 10**15),
        ("closed_loop.connections", client("closed_loop: {connections: @}"), 1, 1_000_000),
        ("limits.threads", rest("limits: {threads: @}"), 0, 1024), ("limits.connections", rest("limits: {connections: @}"), 1, 1_000_000),
        ("limits.redirects", rest("limits: {redirects: @}"), 0, 100), ("limits.body_max", rest("limits: {body_max: @}"), 0, 2**50),
        ("limits.head_max", rest("limits: {head_max: @}"), 0, 2**24), ("limits.keep_response", rest("limits: {keep_response: @}"), 0, 2**20),
        ("pid", rest("telemetry: {processes: [{name: b, pid: @}]}"), 1, 2**31 - 1), ("seed", rest("seed: @"), 0, 9 * 10**18),
        ("ramp.to", client("rate: {shape: ramp, from: 1, to: @, seconds: 1}"), 0, 10**9)):
    RIGHT |= {f"{name} of {value}": text.replace("@", str(value)) for value in (least, most)}
    WRONG |= {f"{name} of {value}": text.replace("@", str(value)) for value in (least - 1, most + 1)}
# Each key that must be there, with nothing after it.
WRONG |= {f"nothing for {what}": text for what, text in {
    "the file's name": rest("").replace("name: x", "name:"),
    "an application's name": rest("applications: [{name: , command: x}]"),
    "a phase's name": phases("[{name: , clients: [{service: a}]}]"),
    "a client's service": rest("").replace("{service: a}", "{service: }"),
    "a step's rate": client("rate: {shape: steps, steps: [{rps: , for: 1}]}"),
    "a step's time": client("rate: {shape: steps, steps: [{rps: 1, for: }]}"),
    "a process's name": rest("telemetry: {processes: [{name: , pid: 1}]}"),
    "a parameter": client("arrival: {distribution: expovariate, parameters: [~]}"),
    "a weight": service("{hosts: {b: }}"),
}.items()}
WRONG |= {
    "a client's service without a letter": rest("").replace("service: a}", "service: ''}"),
    "a command of blanks": rest("applications: [{name: b, command: ' '}]"),
    "a command that begins with nothing": rest("applications: [{name: b, command: ['', c]}]"),
    "a variable's name with an =": rest("applications: [{name: b, command: x, environment: {'A=': b}}]"),
    "a host in the map that is a URL": service("{hosts: {'http://b': 1}}"),
    "an empty static host": service("{router: StaticRouter, static_host: ''}"),
    "phases that are a map": phases("{b: {clients: [{service: a}]}}"),
    "clients that are a map": rest("").replace("[{service: a}]", "{service: a}"),
    "a path of two lines": request('path: "/a\\nb"'),
    "too much of who asks": request("auth: [me, b, c]"),
    "cookies in a list": request("cookies: [a]"),
    "a cookie's name with a blank": request("cookies: {'a b': c}"),
    "half a pair": request("data: [[a]]"),
    "a profile of a distribution": client("arrival: {distribution: expovariate, parameters: [1], profile: a.csv}"),
    "a rate of 0 as a text": client("rate: 0k"),
    "a duration in a list": client("duration: [1s]"),
}

# What a schema can't know, the program finds: names that lead nowhere, sums, files, spelling.
ONLY_THE_PROGRAM = {
    "a client of an event that isn't there": changing("{at: 1s, client: b, rate: 5}"),
    "an event's list": changing("{at: 1s, client: a, arrival: {list: [1]}}"),
    "a closed loop that gets a rate": rest("events: [{at: 1s, client: a, rate: 5}]"),
    "an event after its phase": phases("[{name: b, duration: 1s, clients: [{service: a}], events: [{at: 2s, event: x}]}]"),
    "a condition that is known at the end only": changing("{when: in_flight > 5, event: x}"),
    "a service that isn't there": rest("").replace("service: a", "service: b"),
    "a watched application that isn't there": rest("telemetry: {processes: [b]}"),
    "nodes without a bus": rest("telemetry: {nodes: [n1]}"),
    "two applications of one name": rest("applications: [{name: b, command: x}, {name: b, command: y}]"),
    "two phases of one name": phases("[{name: b, duration: 1, clients: [{service: a}]}, {name: b, clients: []}]"),
    "two clients of one name": rest("").replace("[{service: a}]", "[{service: a, name: b}, {service: a, name: b}]"),
    "two processes of one name": rest("telemetry: {processes: [{name: b, pid: 1}, {name: b, pid: 2}]}"),
    "a phase that never ends": phases("[{name: b, clients: [{service: a}]}, {name: c, clients: []}]"),
    "a key twice": rest("seed: 1\nseed: 2"),
    "a quote left open": rest("applications: [{name: b, command: \"x 'y\"}]"),
    "a service's name that no URL can hold": "name: x\nservices: {a b: {hosts: [c], router: SymmetryServiceRouter}}\nclients: [{service: a b}]\n",
    "a threshold of a metric that nobody reads": rest("thresholds: ['max(cpuu) < 5%']"),
    "a threshold of a service that isn't there": rest("thresholds: ['failed{service=b} == 0']"),
    "a threshold that nobody can decide before the end": rest("thresholds: [{expression: achieved > 5, abort: yes}]"),
    "an end after so long without one": rest("thresholds: [{expression: failed == 0, for: 5s}]"),
    "checks that end the run, and nobody knows how many": rest("thresholds: [{expression: checks > 0.9, abort: yes, for: 1s}]"),
    "a threshold of telemetry in another unit": rest("thresholds: ['max(cpu) < 5ms']"),
    "a condition of a distribution": client("arrival: {distribution: gauss, parameters: [1, -1]}"),
    "a condition of a shape": client("rate: {shape: random_walk, mu: 5, sigma: 1, max: 1, min: 2}"),
    "steps that send nothing": client("rate: {shape: steps, steps: [{rps: 0, for: 1s}]}"),
    "an odd number of steps": client("arrival: {distribution: steps, parameters: [1, 2, 3]}"),
    "a replay that isn't there": client("replay: no-such-file"),
    "targets that aren't there": client("targets: no-such-file"),
    "a replay of several clients": client("replay: log, num: 2"),
    "a replay with a path": client("replay: log, request: {path: /}"),
    "targets with a body": client("targets: targets, request: {data: x}"),
    "a replay too fast": client("replay: {file: log, speed: 101}"),
    "a share of nothing": client("replay: {file: log, share: 0}"),
    "a field in an unknown unit": client("replay: {file: log, fields: {took: 'd:h'}}"),
    "a profile that isn't there": client("arrival: {profile: no-such-file.csv}"),
    "a bound that is passed in another unit": client("num: 2M"),
    "a period too short in another unit": rest("telemetry: {period: 9ms}"),
    "a count with an exponent": client("requests: 1e3"),
    "a number with a plus": client("requests: +5"),
    "a number in another base": rest("seed: 0x10"),
    "a variable that isn't set": rest("seed: ${NO_SUCH_VARIABLE}"),
    "a word from the environment": service("{hosts: [b], balancer: '${NO_SUCH_VARIABLE:-round_robin}'}"),
}

# What the program lets pass, and a person who writes it hardly means.
ONLY_THE_SCHEMA = {
    "an arrival with nothing after it, beside a rate": client("arrival: , rate: 1"),
    "a key from the environment": rest("${NO_SUCH_VARIABLE:-seed}: 1"),
}


def cases(files):
    return pytest.mark.parametrize("text", files.values(), ids=files)


@pytest.fixture
def verdict(run, tmp_path):
    """The program's exit code for a file of this text, and all that it said."""
    (tmp_path / "a.csv").write_text("seconds\n1\n")
    (tmp_path / "log").write_text('{"start_time": "2026-11-30T10:00:00.5Z", "method": "GET", "path": "/"}\n' * 20)
    (tmp_path / "targets").write_text("GET /a\n\nGET /b\n")

    def call(text):
        (tmp_path / "experiment.yaml").write_text(text)
        done = run("run", "experiment.yaml", "--dry-run")
        return done.code, done
    return call


@cases(RIGHT)
def test_a_right_file_is_right_for_both(verdict, text):
    assert problems(text) == []
    code, done = verdict(text)
    assert code == 0, done


@cases(WRONG)
def test_a_wrong_file_is_wrong_for_both(verdict, text):
    assert problems(text)
    code, done = verdict(text)
    assert code == 2 and "the experiment file has" in done.err, done
    places = set(re.findall(r"^  experiment\.yaml(:\d+:\d+)?: ", done.err, re.MULTILINE))
    assert len(places) == 1, f"the file has more than one fault: {done}"


@cases(ONLY_THE_PROGRAM)
def test_what_a_schema_cannot_know_the_program_finds(verdict, text):
    code, done = verdict(text)
    assert code == 2, done
    assert problems(text) == [], "the schema knows it now: move the file to WRONG"


@cases(ONLY_THE_SCHEMA)
def test_what_only_the_schema_refuses(verdict, text):
    code, done = verdict(text)
    assert code == 0, done
    assert problems(text), "they agree now: move the file to RIGHT"
