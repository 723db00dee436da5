"""Finds what Lambda's runtimes bring besides the package: boto3 for Python, the AWS SDK for JavaScript for Node.

For Python these are the modules beside this tool, which its extra `aws` installs; for Node those that
`setup --node-sdk` installs from a lock file. They are linked into one folder that stands in for Lambda's /var/runtime,
so that a function finds them and nothing else, and after what its own package holds.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from semantest_iac.domain.errors import RefusedError
from semantest_iac.infrastructure.durable_files import make_draft_folder, publish_folder
from semantest_iac.infrastructure.function_runtimes.function_spec import FunctionSpec

PYTHON_MODULES = ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "urllib3", "six")
"""Source: boto3's own requirements, which Lambda's Python runtimes hold with it."""

NODE_SDK_NAME = "the AWS SDK for JavaScript"
NODE_SDK_COMMAND = "python -m semantest_iac setup --node-sdk"
_NODE_SDK_SOURCE = Path(__file__).with_name("hosts") / "node_sdk"
_NPM_FILES = ("package.json", "package-lock.json")
_NPM_INSTALL = ("ci", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
_NPM_VARIABLES = ("PATH", "HOME", "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "https_proxy", "http_proxy", "no_proxy")
_NPM_TIMEOUT_S = 600
_LONGEST_OUTPUT = 500
_NO_HOME = os.devnull  # no file can be created below it
_DISTRIBUTIONS = tuple(name.replace("dateutil", "python_dateutil") for name in PYTHON_MODULES)
_MISSING_IN_PYTHON = re.compile(rf"No module named '({'|'.join(PYTHON_MODULES[:4])})\b")
_MISSING_IN_NODE = re.compile(r"Cannot find (?:module|package) '(@(?:aws-sdk|smithy)/[\w./-]+)'")


def link_runtime_modules(runtime: str, folder: Path) -> None:
    """Link the modules of the function's runtime that are on this machine into a folder."""
    folder.mkdir()
    if runtime.startswith("python"):
        for path in _find_python_modules():
            (folder / path.name).symlink_to(path)
    elif (modules := find_node_sdk(os.environ)) is not None:
        (folder / "node_modules").symlink_to(modules)


def find_missing_module_hint(spec: FunctionSpec, message: str) -> str:
    """Return what a function lacks here that the cloud's runtime brings; empty if that is not why it failed."""
    if spec.platform != "lambda":
        return ""
    if match := _MISSING_IN_PYTHON.search(message):
        how = "`pip install boto3` beside this tool gets it, and so does the extra semantest-iac[aws]"
        return f"Lambda's Python runtimes bring {match[1]}, this machine does not: {how}"
    if match := _MISSING_IN_NODE.search(message):
        how = f"`{NODE_SDK_COMMAND}` gets the clients used most, package.json any of them"
        return f"Lambda's Node runtimes bring {match[1]}, this machine does not: {how}"
    return ""


@cache
def _find_python_modules() -> Sequence[Path]:
    """Return the modules, and their metadata, which some libraries ask for a version."""
    boto3 = find_spec("boto3")
    if boto3 is None or boto3.origin is None:
        return ()
    site = Path(boto3.origin).parents[1]
    patterns = (*PYTHON_MODULES, "six.py", *(f"{name}-*.dist-info" for name in _DISTRIBUTIONS))
    return tuple(path for pattern in patterns for path in site.glob(pattern))


def user_cache_folder(variables: Mapping[str, str]) -> Path:
    """The folder of files that can be made again, shared by all homes of the user."""
    cache_home = variables.get("XDG_CACHE_HOME")
    return (Path(cache_home) if cache_home else Path(variables.get("HOME", _NO_HOME), ".cache")) / "semantest-iac"


def find_node_sdk(variables: Mapping[str, str]) -> Path | None:
    """Return the installed `node_modules` of the AWS SDK for JavaScript; None if there are none."""
    modules = node_sdk_install_folder(variables) / "node_modules"
    return modules if modules.is_dir() else None


def list_node_sdk_clients() -> Mapping[str, str]:
    """Return the clients that the lock file holds, with their versions."""
    dependencies: Mapping[str, str] = json.loads((_NODE_SDK_SOURCE / "package.json").read_text())["dependencies"]
    return dependencies


class NodeSdk:
    """The AWS SDK for JavaScript on this machine, as `setup` finds and installs it."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = variables

    @property
    def name(self) -> str:
        return NODE_SDK_NAME

    def find(self) -> str | None:
        """Return its folder, None if it is missing."""
        modules = find_node_sdk(self._variables)
        return str(modules) if modules else None

    def install(self, report: Callable[[str], None]) -> str:
        """Install what the lock file holds with npm, which checks each archive against it; raises RefusedError."""
        npm, target = (
            shutil.which("npm", path=self._variables.get("PATH", "")),
            node_sdk_install_folder(self._variables),
        )
        if npm is None:
            raise _install_error("npm is not on the PATH")
        report(f"{self.name}: {len(list_node_sdk_clients())} clients with npm into {target}")
        with make_draft_folder(target.parent) as draft:
            folder = draft / target.name
            folder.mkdir()
            for name in _NPM_FILES:
                shutil.copyfile(_NODE_SDK_SOURCE / name, folder / name)
            self._run_npm(npm, folder)
            shutil.rmtree(target, ignore_errors=True)
            publish_folder(folder, target)
        return str(target / "node_modules")

    def _run_npm(self, npm: str, folder: Path) -> None:
        variables = {name: self._variables[name] for name in _NPM_VARIABLES if name in self._variables}
        try:
            result = subprocess.run(  # noqa: S603  # no shell
                [npm, *_NPM_INSTALL], cwd=folder, env=variables, capture_output=True, text=True,
                timeout=_NPM_TIMEOUT_S, check=False,
            )  # fmt: skip
        except (OSError, subprocess.TimeoutExpired) as error:
            raise _install_error(f"npm did not finish: {type(error).__name__}") from error
        if result.returncode != 0:
            raise _install_error(f"npm said: {result.stderr.strip()[:_LONGEST_OUTPUT]}")


def node_sdk_install_folder(variables: Mapping[str, str]) -> Path:
    """Return where the clients of the lock file are or would be installed."""
    lock = (_NODE_SDK_SOURCE / "package-lock.json").read_bytes()
    return user_cache_folder(variables) / f"aws-sdk-js-{hashlib.sha256(lock).hexdigest()[:12]}"


def _install_error(cause: str) -> RefusedError:
    hint = "Check npm and its registry, or name the clients in the package.json of your source."
    return RefusedError(f"Cannot install {NODE_SDK_NAME}: {cause}.", "SETUP_FAILED", hint=hint)
