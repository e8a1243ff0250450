"""The objects of deployment/ and of the examples, held against Kubernetes' own schemas."""
import json
import subprocess

import pytest
import python_environment
from conftest import ROOT
from deployment import FILES, documents

SCHEMAS = ["kubernetes-validate==1.37.0"]
VALIDATE = """
import json, sys, kubernetes_validate as validator
objects = json.load(sys.stdin)
for version in sys.argv[1:]:
    for one in objects:
        try:
            validator.validate(one, version, strict=True)
        except Exception as error:
            print(version, one["kind"], one["metadata"]["name"], str(error)[:500])
"""


def test_each_object_fits_the_schemas_of_every_kubernetes_that_it_is_for():
    """The base, and what the overlays add of their own, by Kubernetes' schemas; whole overlays are built and checked on a cluster."""
    python, why_not = python_environment.find("kubernetes-schemas", "kubernetes-validate", SCHEMAS)
    if why_not:
        pytest.skip(why_not)
    objects = [one for path in sorted((FILES.rglob("*.yaml"))) if "helm" not in path.parts
               for one in documents(path.read_text()) if one.get("kind") not in ("Kustomization", "Component")]
    objects += [one for path in (ROOT / "examples/kubernetes").rglob("*.yaml") for one in documents(path.read_text()) if "apiVersion" in one]
    assert len(objects) > 20
    done = subprocess.run([python, "-c", VALIDATE, "1.27", "1.34", "1.37"], input=json.dumps(objects), capture_output=True, text=True, timeout=120)
    assert done.returncode == 0 and done.stdout == "", done.stdout + done.stderr
    # And it finds what is wrong.
    objects[1]["spec"]["template"]["spec"]["hostNetwrok"] = True
    done = subprocess.run([python, "-c", VALIDATE, "1.34"], input=json.dumps(objects), capture_output=True, text=True, timeout=120)
    assert "hostNetwrok" in done.stdout, done
