"""The environment of a function's process: its cloud's own variables and nothing of ours."""

from __future__ import annotations

import os
from collections.abc import Mapping

from semantest_iac.infrastructure.function_runtimes.function_spec import FunctionSpec


def lambda_environment(spec: FunctionSpec, temporary: str, secrets_url: str) -> Mapping[str, str]:
    """Every variable of the process; `temporary` stands for Lambda's /tmp."""
    endpoint = {"AWS_ENDPOINT_URL_SECRETS_MANAGER": secrets_url} if secrets_url else {}
    return {**spec.environment, **_place(temporary), **_reserved_by_lambda(spec), **endpoint}


def functions_environment(spec: FunctionSpec, temporary: str, secrets_url: str) -> Mapping[str, str]:
    """Every variable of the process; references to Key Vault are replaced by values, as the platform does."""
    settings = {name: spec.secrets.get(value, value) for name, value in spec.environment.items()}
    return {**settings, **_place(temporary), **_reserved_by_functions(spec)}


def _place(temporary: str) -> Mapping[str, str]:
    return {"PATH": os.environ.get("PATH", os.defpath), "HOME": temporary, "TMPDIR": temporary}


def _reserved_by_lambda(spec: FunctionSpec) -> Mapping[str, str]:
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


def _reserved_by_functions(spec: FunctionSpec) -> Mapping[str, str]:
    """What Azure sets on a Flex Consumption app."""
    return {
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "AZURE_FUNCTIONS_ENVIRONMENT": "Production",
        "FUNCTIONS_EXTENSION_VERSION": "~4",
        "FUNCTIONS_WORKER_RUNTIME": "node" if spec.runtime.startswith("nodejs") else "python",
        "REGION_NAME": spec.region,
        "WEBSITE_HOSTNAME": f"{spec.name}.azurewebsites.net",
        "WEBSITE_SITE_NAME": spec.name,
        "WEBSITE_SKU": "FlexConsumption",
    }
