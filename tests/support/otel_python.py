"""A Python that has the published readers of what monitoring systems are told: Prometheus' own parser of a page, and OpenTelemetry's
own messages (opentelemetry-proto), which refuse unknown fields."""
import json
import subprocess

import python_environment
import pytest

PACKAGES = ["prometheus_client==0.26.0", "opentelemetry-proto==1.45.2", "protobuf==7.36.2"]

# A page on stdin; each family with its type and samples.
PAGE = """
import json, sys
from prometheus_client.parser import text_string_to_metric_families
families = [[f.name, f.type, f.documentation, [[s.name, s.labels, s.value] for s in f.samples]] for f in text_string_to_metric_families(sys.stdin.read())]
json.dump(families, sys.stdout)
"""

# A JSON list of [path, body] on stdin, bodies of OTLP/JSON: ids are hex there and base64 in protobuf's own JSON.
OTLP = """
import base64, json, sys
from google.protobuf import json_format
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
KINDS = {"/v1/traces": ExportTraceServiceRequest, "/v1/metrics": ExportMetricsServiceRequest}
def proto(value):
    if isinstance(value, list):
        return [proto(one) for one in value]
    if not isinstance(value, dict):
        return value
    return {key: base64.b64encode(bytes.fromhex(one)).decode() if key in ("traceId", "spanId", "parentSpanId") else proto(one) for key, one in value.items()}
parsed = []
for path, body in json.load(sys.stdin):
    message = json_format.ParseDict(proto(json.loads(body)), KINDS[path]())
    assert message.SerializeToString()
    parsed.append(True)
json.dump(parsed, sys.stdout)
"""


@pytest.fixture(scope="session")
def readers():
    """readers(PAGE, text): what the published parser makes of it."""
    python, why_not = python_environment.find("otel-python", "Prometheus' and OpenTelemetry's readers", PACKAGES)
    if why_not:
        pytest.skip(why_not)

    def read(script, text):
        done = subprocess.run([python, "-c", script], input=text, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)
    return read
