"""Describes how Lambda and Azure Functions run a function: host program, environment, call and limits."""

from __future__ import annotations

import os
import secrets
import shutil
import sys
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from semantest_iac.domain.networking.http_exchange import StoredBody
from semantest_iac.infrastructure.function_runtimes.azure_functions import build_functions_call, find_functions_fault
from semantest_iac.infrastructure.function_runtimes.function_spec import FunctionSpec, find_trace_root, make_trace_id
from semantest_iac.infrastructure.function_runtimes.platform_logs import FunctionsHostLog, LambdaLog, PlatformLog
from semantest_iac.infrastructure.function_runtimes.runtime_libraries import link_runtime_modules

MIB = 1024 * 1024
_TASK_ROOT = "/var/task/"
LAMBDA_DEFAULTS = {"LANG": "en_US.UTF-8", "TZ": ":UTC"}
"""What a function may set itself. Source: Lambda's developer guide, environment variables that are not reserved."""
FUNCTIONS_DEFAULTS = {"LANG": "C.UTF-8", "TZ": "UTC"}
SANDBOX_CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "ASIASANDBOXSANDBOXSA",
    "AWS_SECRET_ACCESS_KEY": "sandbox",
    "AWS_SESSION_TOKEN": "sandbox",
}
"""What stands in for the keys of a function's role: SDKs sign with them, and the real AWS refuses them."""

HostFacts = Mapping[str, Any]
"""What the host sent when it was ready."""


def prepare_lambda_environment(spec: FunctionSpec, folder: Path, secrets_url: str) -> Mapping[str, str]:
    """Return every variable of the process; `folder` holds what replaces Lambda's /tmp and /var/runtime."""
    endpoint = {"AWS_ENDPOINT_URL_SECRETS_MANAGER": secrets_url} if secrets_url else {}
    runtime = folder / "runtime"
    link_runtime_modules(spec.runtime, runtime)
    wrapper = find_exec_wrapper(spec)
    return {
        **LAMBDA_DEFAULTS,
        "PATH": os.environ.get("PATH", os.defpath),
        **_module_paths(spec, runtime),
        **SANDBOX_CREDENTIALS,
        **spec.environment,
        **({"AWS_LAMBDA_EXEC_WRAPPER": wrapper} if wrapper else {}),
        **_create_home_variables(folder),
        **_reserved_by_lambda(spec, runtime),
        **_log_variables(spec),
        **endpoint,
    }


def prepare_functions_environment(spec: FunctionSpec, folder: Path, secrets_url: str) -> Mapping[str, str]:
    """Return every variable of the process, with references to Key Vault replaced by values."""
    settings = {name: spec.secrets.get(value, value) for name, value in spec.environment.items()}
    path = {"PATH": os.environ.get("PATH", os.defpath)}
    return {**FUNCTIONS_DEFAULTS, **path, **settings, **_create_home_variables(folder), **_reserved_by_functions(spec)}


def find_exec_wrapper(spec: FunctionSpec) -> str:
    """Return the program that starts the runtime, with Lambda's folder of the package replaced; empty without one."""
    wrapper = spec.environment.get("AWS_LAMBDA_EXEC_WRAPPER", "") if spec.platform == "lambda" else ""
    return str(spec.package / wrapper.removeprefix(_TASK_ROOT)) if wrapper.startswith(_TASK_ROOT) else wrapper


def wrap_command(wrapper: str) -> tuple[str, ...]:
    """Return what stands before the runtime's command: a shell that runs the wrapper with it, as Lambda's bootstrap.

    So a wrapper that is missing ends the process with status 127, and one that may not be executed with 126.
    """
    return ("/bin/sh", "-c", 'exec "$0" "$@"', wrapper) if wrapper else ()


def _create_home_variables(folder: Path) -> Mapping[str, str]:
    temporary = folder / "tmp"
    temporary.mkdir()
    return {"HOME": str(temporary), "TMPDIR": str(temporary)}


def _module_paths(spec: FunctionSpec, runtime: Path) -> Mapping[str, str]:
    """Return where the function and the programs that it starts find modules and libraries; it may set them itself.

    The system's libraries are not named, as on Lambda, because an interpreter here may have its own.
    """
    folders = (runtime, runtime / "lib", spec.package, spec.package / "lib")
    libraries = {"LD_LIBRARY_PATH": ":".join(map(str, folders))} if sys.platform == "linux" else {}
    if spec.runtime.startswith("nodejs"):
        return {**libraries, "NODE_PATH": f"{runtime / 'node_modules'}:{runtime}:{spec.package}"}
    return {**libraries, "PYTHONPATH": str(runtime)}


def _log_variables(spec: FunctionSpec) -> Mapping[str, str]:
    settings = spec.log_settings
    if not settings.is_json:
        return {}
    level = {"AWS_LAMBDA_LOG_LEVEL": settings.application_level} if settings.application_level else {}
    return {"AWS_LAMBDA_LOG_FORMAT": "JSON", **level}


def _reserved_by_lambda(spec: FunctionSpec, runtime: Path) -> Mapping[str, str]:
    """Return the variables that Lambda sets and no function can override; nothing answers at the two addresses.

    Source: the developer guide, defined runtime environment variables, and LocalStack's recordings of the real service.
    """
    now = datetime.now(UTC)
    return {
        "AWS_REGION": spec.region,
        "AWS_DEFAULT_REGION": spec.region,
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{spec.runtime}",
        "AWS_EC2_METADATA_DISABLED": "true",  # there is no metadata service here; SDKs would wait for it
        "AWS_LAMBDA_FUNCTION_NAME": spec.name,
        "AWS_LAMBDA_FUNCTION_VERSION": spec.version,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(spec.memory_mb),
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": spec.log_settings.group or f"/aws/lambda/{spec.name}",
        "AWS_LAMBDA_LOG_STREAM_NAME": f"{now:%Y/%m/%d}/[{spec.version}]{uuid.uuid4().hex}",
        "AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9001",
        "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
        "AWS_XRAY_DAEMON_ADDRESS": "127.0.0.1:2000",
        "_AWS_XRAY_DAEMON_ADDRESS": "127.0.0.1",
        "_AWS_XRAY_DAEMON_PORT": "2000",
        "LAMBDA_RUNTIME_DIR": str(runtime),
        "LAMBDA_TASK_ROOT": str(spec.package),
        "_HANDLER": spec.handler,
        "_X_AMZN_TRACE_ID": make_trace_id(),
    }


def _reserved_by_functions(spec: FunctionSpec) -> Mapping[str, str]:
    """Return the variables that Azure sets on a Flex Consumption app."""
    return {
        "AZURE_FUNCTIONS_ENVIRONMENT": "Production",
        "FUNCTIONS_EXTENSION_VERSION": "~4",
        "FUNCTIONS_WORKER_RUNTIME": "node" if spec.runtime.startswith("nodejs") else "python",
        "FUNCTIONS_WORKER_RUNTIME_VERSION": spec.runtime.removeprefix("nodejs")
        .removeprefix("python")
        .removesuffix(".x"),
        "WEBSITE_INSTANCE_ID": secrets.token_hex(32),
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
    log: PlatformLog
    prepare_environment: Callable[[FunctionSpec, Path, str], Mapping[str, str]]
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
        "trace_id": make_trace_id(_find_event_root(event)),
    }
    stored = event.get("body") if isinstance(event, Mapping) else None
    if not isinstance(stored, StoredBody):
        return {"event": event, "context": context}
    is_base64 = event["isBase64Encoded"]
    size = -(-stored.size // 3) * 4 if is_base64 else stored.json_bytes
    part = {"in": "event", "as": "base64" if is_base64 else "text", "path": stored.path, "size": size}
    return {"event": {**event, "body": ""}, "context": context, "stored": part}


def _find_event_root(event: Any) -> str:
    """Find the root of the trace of the request that became an event."""
    headers = event.get("headers") if isinstance(event, Mapping) else None
    if not isinstance(headers, Mapping):
        return ""
    return find_trace_root(str(value) for name, value in headers.items() if name.lower() == "x-amzn-trace-id")


FUNCTION_PLATFORMS: Mapping[str, FunctionPlatform] = {
    "lambda": FunctionPlatform(
        hosts={"python": "python_host.py", "nodejs": "node_host.cjs"},
        log=LambdaLog(),
        prepare_environment=prepare_lambda_environment,
        build_call=build_lambda_call,
        start_timeout_s=10,  # Lambda's own limit
        max_call_bytes=6 * MIB,
        max_answer_bytes=8 * MIB,
        fetches_secrets=True,
    ),
    "functions": FunctionPlatform(
        hosts={"python": "functions_python_host.py", "nodejs": "functions_node_host.cjs"},
        log=FunctionsHostLog(),
        prepare_environment=prepare_functions_environment,
        build_call=build_functions_call,
        start_timeout_s=60,  # how long Azure's host waits for its worker
        max_call_bytes=136 * MIB,  # a request of 100 MB in base64
        max_answer_bytes=8 * MIB,  # without a large body
        fetches_secrets=False,
        find_fault=find_functions_fault,
    ),
}
