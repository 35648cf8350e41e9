"""Print the bill of materials of an image (CycloneDX 1.6): its Python packages and Debian's.

Usage: sbom.py NAME. The same packages give the same bytes: no time and no serial number.
"""

import json
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import Distribution, distributions
from typing import Any
from urllib.parse import quote

type Component = dict[str, Any]


def component(kind: str, name: str, version: str, qualifiers: str = "") -> Component:
    """Describe one package; `kind` is the type in its package URL, as in `pypi`."""
    url = f"pkg:{kind}/{name}@{quote(version, safe='.~')}{qualifiers}"
    return {"type": "library", "bom-ref": url, "name": name, "version": version, "purl": url}


def of_python(found: Distribution) -> Component:
    """Describe a distribution of this interpreter, with its licence if that is an expression."""
    described = component("pypi", re.sub(r"[-_.]+", "-", found.name).lower(), found.version)
    licence = found.metadata.get("License-Expression")
    return described | ({"licenses": [{"expression": licence}]} if licence else {})


def of_system() -> Iterator[Component]:
    """Describe the installed Debian packages; empty without a package manager."""
    if shutil.which("dpkg-query") is None:
        return
    query = ["dpkg-query", "--show", "--showformat", "${Package} ${Version} ${Architecture}\\n"]
    system = platform.freedesktop_os_release()["ID"]
    for line in subprocess.run(query, capture_output=True, text=True, check=True).stdout.split(
        "\n"
    ):
        if line:
            name, version, architecture = line.split()
            yield component(f"deb/{system}", name, version, f"?arch={architecture}")


def bill(name: str) -> dict[str, Any]:
    """List all installed packages, each once."""
    found = {each["purl"]: each for each in (*map(of_python, distributions()), *of_system())}
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": {"type": "container", "bom-ref": name, "name": name}},
        "components": [found[url] for url in sorted(found)],
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(bill(sys.argv[1]), indent=1) + "\n")
