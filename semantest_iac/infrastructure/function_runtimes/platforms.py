"""Describes how Lambda and Azure Functions run a function: host program, environment, call and limits."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from semantest_iac.infrastructure.function_runtimes.azure_functions import build_functions_call, find_functions_fault
from semantest_iac.infrastructure.function_runtimes.function_spec import FunctionSpec

MIB = 1024 * 1024
LAMBDA_DEFAULTS = {"LANG": "en_US.UTF-8", "TZ": ":UTC"}
"""What a function may set itself. Source: Lambda's developer guide, environment variables that are not reserved."""
FUNCTIONS_DEFAULTS = {"LANG": "C.UTF-8", "TZ": "UTC"}
HostFacts = Mapping[str, Any]
"""What the host sent when it was ready."""


def build_lambda_environment(spec: FunctionSpec, temporary: str, secrets_url: str) -> Mapping[str, str]:
    """Return every variable of the process; `temporary` replaces Lambda's /tmp."""
    endpoint = {"AWS_ENDPOINT_URL_SECRETS_MANAGER": secrets_url} if secrets_url else {}
    process = _process_variables(temporary)
    return {**LAMBDA_DEFAULTS, **spec.environment, **process, **_reserved_by_lambda(spec), **endpoint}


def build_functions_environment(spec: FunctionSpec, temporary: str, secrets_url: str) -> Mapping[str, str]:
    """Return every variable of the process, with references to Key Vault replaced by values."""
    settings = {name: spec.secrets.get(value, value) for name, value in spec.environment.items()}
    return {**FUNCTIONS_DEFAULTS, **settings, **_process_variables(temporary), **_reserved_by_functions(spec)}


def _process_variables(temporary: str) -> Mapping[str, str]:
    return {"PATH": os.environ.get("PATH", os.defpath), "HOME": temporary, "TMPDIR": temporary}


def _reserved_by_lambda(spec: FunctionSpec) -> Mapping[str, str]:
    """Return the variables that Lambda sets and no function can override."""
    return {
        "AWS_REGION": spec.region,
        "AWS_DEFAULT_REGION": spec.region,
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{spec.runtime}",
        "AWS_EC2_METADATA_DISABLED": "true",  # there is no metadata service here; SDKs would wait for it
        "AWS_LAMBDA_FUNCTION_NAME": spec.name,
        "AWS_LAMBDA_FUNCTION_VERSION": spec.version,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(spec.memory_mb),
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{spec.name}",
        "AWS_LAMBDA_LOG_STREAM_NAME": "sandbox",
        "LAMBDA_TASK_ROOT": str(spec.package),
        "_HANDLER": spec.handler,
    }


def _reserved_by_functions(spec: FunctionSpec) -> Mapping[str, str]:
    """Return the variables that Azure sets on a Flex Consumption app."""
    return {
        "AZURE_FUNCTIONS_ENVIRONMENT": "Production",
        "FUNCTIONS_EXTENSION_VERSION": "~4",
        "FUNCTIONS_WORKER_RUNTIME": "node" if spec.runtime.startswith("nodejs") else "python",
        "REGION_NAME": spec.region,
        "WEBSITE_HOSTNAME": f"{spec.name}.azurewebsites.net",
        "WEBSITE_SITE_NAME": spec.name,
        "WEBSITE_SKU": "FlexConsumption",
    }


def parent_death_signal_prefix() -> tuple[str, ...]:
    """Return a command prefix with which the kernel kills the process when ours ends; empty except on Linux."""
    setpriv = shutil.which("setpriv") if sys.platform == "linux" else None
    if setpriv is None or Path(setpriv).resolve().name == "busybox":  # busybox's setpriv has no such option
        return ()
    return setpriv, "--pdeathsig", "KILL", "--"


@dataclass(frozen=True, slots=True)
class FunctionPlatform:
    """How one cloud runs functions; `build_call` returns what is sent to the host, or an `error` instead of a call.

    `max_answer_bytes` limits the memory that one answer may fill. `find_fault` says why the cloud would not start a
    function that the host has loaded; empty if it would.
    """

    hosts: Mapping[str, str]
    build_environment: Callable[[FunctionSpec, str, str], Mapping[str, str]]
    build_call: Callable[[FunctionSpec, HostFacts, Any, str], Mapping[str, Any]]
    start_timeout_s: float
    max_call_bytes: int
    max_answer_bytes: int
    fetches_secrets: bool
    find_fault: Callable[[FunctionSpec, HostFacts], str] = lambda spec, facts: ""


def build_lambda_call(spec: FunctionSpec, facts: HostFacts, event: Any, request_id: str) -> Mapping[str, Any]:
    """Return the event and the facts for the handler's context."""
    context = {
        "aws_request_id": request_id,
        "invoked_function_arn": spec.arn,
        "remaining_ms": int(spec.timeout_s * 1000),
    }
    return {"event": event, "context": context}


FUNCTION_PLATFORMS: Mapping[str, FunctionPlatform] = {
    "lambda": FunctionPlatform(
        hosts={"python": "python_host.py", "nodejs": "node_host.cjs"},
        build_environment=build_lambda_environment,
        build_call=build_lambda_call,
        start_timeout_s=10,  # Lambda's own limit
        max_call_bytes=6 * MIB,
        max_answer_bytes=8 * MIB,
        fetches_secrets=True,
    ),
    "functions": FunctionPlatform(
        hosts={"python": "functions_python_host.py", "nodejs": "functions_node_host.cjs"},
        build_environment=build_functions_environment,
        build_call=build_functions_call,
        start_timeout_s=60,  # how long Azure's host waits for its worker
        max_call_bytes=136 * MIB,  # a request of 100 MB in base64
        max_answer_bytes=180 * MIB,
        fetches_secrets=False,
        find_fault=find_functions_fault,
    ),
}
