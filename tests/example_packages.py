"""Lets installers use what `make examples` downloaded, and skips tests without it: no test needs a network."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tools.download_examples import PNPM, node_folder, wheel_folder


def example_variables() -> dict[str, str]:
    """Return variables with which pip finds the wheels of the examples, and nothing else; skips the test without."""
    return {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(_require_folder(wheel_folder()))}


def npm_variables() -> dict[str, str]:
    """Return variables with which npm and pnpm find the modules of the examples; skips the test without."""
    folder = _require_folder(node_folder())
    path = os.pathsep.join((os.environ["PATH"], str((folder / PNPM).parent)))
    return {
        "PATH": path,
        "NPM_CONFIG_CACHE": str(folder / "npm"),
        "NPM_CONFIG_STORE_DIR": str(folder / "pnpm-store"),
        "NPM_CONFIG_OFFLINE": "true",
    }


def _require_folder(folder: Path) -> Path:
    if not folder.is_dir():
        pytest.skip(f"no {folder}: `make examples` downloads the packages of the examples")
    return folder


@contextmanager
def use_example_wheels() -> Iterator[None]:
    """Set the variables for pip in this process."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in example_variables().items():
            patch.setenv(name, value)
        yield
