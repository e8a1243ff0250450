"""Requests that schemathesis makes of the API's own document, by the thousand and from seeds, with a token of each scope: no answer
is a fault of the server's, and each is one that the document names, of its type and its schema.
Examples are fewer where the API is slower."""
import os
import re
import subprocess
from pathlib import Path

import pytest
import schemathesis_python
from conftest import SLOWER, accepts, wait_for

CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"
# Of each call, so that with the three tokens there are more than 10,000 in all.
EXAMPLES = 150 // SLOWER


@pytest.fixture(scope="module")
def schemathesis():
    python, why = schemathesis_python.find()
    if python is None:
        pytest.skip(why)
    return str(Path(python).parent / "st")


def test_no_request_of_the_document_s_kind_finds_a_fault(schemathesis, start, run, redis, port, tmp_path):
    server, tokens = redis(), tmp_path / "tokens"
    start("api", "--listen", port, "--bus", server.url, "--db", tmp_path / "lab.sqlite", "--tokens", tokens, "--rate-limit", "0")
    wait_for(lambda: accepts(port), "the API")
    made = 0
    for seed, scope in enumerate(("read", "run", "admin"), 1):
        token = run("api", "token", "add", scope, "--scope", scope, "--tokens", tokens).out.strip()
        done = subprocess.run(
            [schemathesis, "run", f"http://127.0.0.1:{port}/api/v1/openapi.json", "--max-examples", str(EXAMPLES), "--seed", str(seed),
             "--phases", "fuzzing", "--checks", CHECKS, "--exclude-path-regex", "stream$", "--header", f"Authorization: Bearer {token}",
             "--generation-database", "none", "--continue-on-failure", "--request-timeout", "20", "--no-color"],
            cwd=tmp_path, capture_output=True, text=True, timeout=900, env={**os.environ, "HYPOTHESIS_STORAGE_DIRECTORY": str(tmp_path / "hypothesis")})
        assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
        made += int(re.search(r"(\d+) generated", done.stdout)[1])
    assert SLOWER > 1 or made >= 10_000, made
