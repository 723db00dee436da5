"""Runs pip for another Python, as a file: `pip_for_target.py MARKERS ARGUMENTS…`.

pip's `--python-version` and `--platform` choose wheels, and its markers stay those of the Python that runs it
(pypa/pip#11664, open since 2022). MARKERS is a JSON object of PEP 508 that replaces them, for every requirement and
for the dependencies of each; builds run in processes of their own with their own markers. Pex does the same.
"""

from __future__ import annotations

import json
import runpy
import sys
from importlib import import_module
from typing import Any

PROBE = "semantest"


def replace_markers(target: dict[str, str]) -> bool:
    """Make pip evaluate markers for the target; returns whether this version of pip does."""
    markers: Any = import_module("pip._vendor.packaging.markers")
    environment = {**target, "platform_release": PROBE}
    markers.default_environment = lambda: dict(environment)
    is_effective = bool(markers.Marker(f"platform_release == '{PROBE}'").evaluate())
    environment["platform_release"] = target["platform_release"]
    return is_effective


def run_pip(arguments: list[str]) -> None:
    if not replace_markers(json.loads(arguments[0])):
        sys.exit("error: this version of pip cannot evaluate markers for another Python: install another one")
    sys.argv = ["pip", *arguments[1:]]
    runpy.run_module("pip", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    run_pip(sys.argv[1:])
