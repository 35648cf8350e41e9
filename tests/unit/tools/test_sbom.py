"""The bill of materials that an image's build writes."""

import json
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

SBOM = Path(__file__).resolve().parents[3] / "docker/sbom.py"


def bill() -> str:
    done = subprocess.run(
        [sys.executable, SBOM, "nobs-cpu"], capture_output=True, text=True, check=True
    )
    return done.stdout


def test_the_bill_follows_the_schema_of_cyclonedx() -> None:
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(bill()) is None


def test_the_bill_names_what_is_installed_and_is_the_same_every_time() -> None:
    first = bill()
    urls = [component["purl"] for component in json.loads(first)["components"]]

    assert f"pkg:pypi/pydantic@{version('pydantic')}" in urls
    assert urls == sorted(set(urls))
    assert bill() == first
