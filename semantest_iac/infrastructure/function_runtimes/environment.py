"""The environment of a function's process: Lambda's own variables and nothing of ours."""

from __future__ import annotations

import os
from collections.abc import Mapping

from semantest_iac.infrastructure.function_runtimes.function_spec import FunctionSpec


def lambda_environment(spec: FunctionSpec, temporary: str, secrets_url: str) -> Mapping[str, str]:
    """Every variable of the process; `temporary` stands for Lambda's /tmp."""
    place = {"PATH": os.environ.get("PATH", os.defpath), "HOME": temporary, "TMPDIR": temporary}
    endpoint = {"AWS_ENDPOINT_URL_SECRETS_MANAGER": secrets_url} if secrets_url else {}
    return {**spec.environment, **place, **_reserved(spec), **endpoint}


def _reserved(spec: FunctionSpec) -> Mapping[str, str]:
    """What Lambda sets and no function can override."""
    return {
        "LANG": "en_US.UTF-8",
        "TZ": ":UTC",
        "AWS_REGION": spec.region,
        "AWS_DEFAULT_REGION": spec.region,
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{spec.runtime}",
        "AWS_EC2_METADATA_DISABLED": "true",  # there is none here; SDKs would wait for it
        "AWS_LAMBDA_FUNCTION_NAME": spec.name,
        "AWS_LAMBDA_FUNCTION_VERSION": spec.version,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(spec.memory_mb),
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{spec.name}",
        "AWS_LAMBDA_LOG_STREAM_NAME": "sandbox",
        "LAMBDA_TASK_ROOT": str(spec.package),
        "_HANDLER": spec.handler,
    }
