"""Writes requirements/sbom.cdx.json: the packages that an installation with every extra has, in CycloneDX's form.

The versions are those of requirements/deploy.txt and worker.txt, which hold the hashes of their files. The wheel has
the document in its metadata, as PEP 770 says. `python tools/generate_sbom.py` writes it; with `--check` it writes
nothing and exits with 1 if the document is stale.
"""

from __future__ import annotations

import json
import re
import sys
import tomllib
import uuid
from pathlib import Path

from tools.generated_files import write_or_check_files

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "requirements/sbom.cdx.json"
LOCKS = ("deploy.txt", "worker.txt")
COMMAND = "python tools/generate_sbom.py"
_LOCKED = re.compile(r"^([a-z0-9][a-z0-9._-]*)(?:\[[^]]*\])?==([^ ;\\]+)", re.MULTILINE)
_INSTALLED_TO_BUILD = ("editables", "hatchling", "pathspec", "pluggy", "trove-classifiers")
"""What the locks hold for an installation from a checkout; a wheel was built with it and does not need it."""


def render_sbom() -> str:
    """The document as JSON of CycloneDX 1.6; the same locks give the same text."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    texts = [(ROOT / "requirements" / lock).read_text(encoding="utf-8") for lock in LOCKS]
    packages = sorted({found for text in texts for found in _LOCKED.findall(text)})
    components = [_describe_package(*package) for package in packages if package[0] not in _INSTALLED_TO_BUILD]
    product = {**_describe_package(project["name"], project["version"]), "type": "application"}
    product |= {"description": project["description"], "licenses": [{"license": {"id": project["license"]}}]}
    document = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, json.dumps([product, components]))}",
        "version": 1,
        "metadata": {"component": product},
        "components": components,
    }
    return json.dumps(document, indent=1) + "\n"


def _describe_package(name: str, version: str) -> dict[str, object]:
    purl = f"pkg:pypi/{name}@{version}"
    return {"type": "library", "bom-ref": purl, "name": name, "version": version, "purl": purl}


if __name__ == "__main__":
    sys.exit(write_or_check_files({TARGET: render_sbom()}, COMMAND, sys.argv[1:]))
