"""Who deploys, as Azure's services outside its resource manager want to know it: a token."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Mapping
from functools import partial
from importlib import import_module
from urllib.parse import urlencode

from semantest_iac.domain.errors import DeploymentError
from semantest_iac.domain.networking.http_exchange import HttpRequest
from semantest_iac.infrastructure.cloud_programs.code import Send

LOGIN = "https://login.microsoftonline.com"
_AUDIENCE = "https://management.azure.com"
_AZ_S = 60
_FORM = (("content-type", "application/x-www-form-urlencoded"),)

Way = Callable[[], str | None]


def token(variables: Mapping[str, str], send: Send) -> str:
    """A token by the first way that is there: the service principal of the variables, azure-identity, the Azure CLI.

    Raises DeploymentError with the commands that mend it where none is, or where the login was refused.
    """
    ways: tuple[Way, ...] = (partial(_principal, variables, send), _identity, partial(_cli, variables))
    found = next(filter(None, (way() for way in ways)), None)
    if found is None:
        raise _nobody("nobody is logged in to Azure here")
    return found


def _principal(variables: Mapping[str, str], send: Send) -> str | None:
    """By the same variables that the Pulumi provider reads."""
    names = ("TENANT_ID", "CLIENT_ID", "CLIENT_SECRET")
    tenant, client, secret = (variables.get(f"ARM_{n}") or variables.get(f"AZURE_{n}") or "" for n in names)
    if not (tenant and client and secret):
        return None
    form = {"grant_type": "client_credentials", "client_id": client, "client_secret": secret}
    body = urlencode(form | {"scope": f"{_AUDIENCE}/.default"}).encode()
    try:
        answer = send(LOGIN, HttpRequest("POST", f"/{tenant}/oauth2/v2.0/token", headers=_FORM, body=body))
    except OSError as error:
        raise _nobody("the login service does not answer") from error
    if answer.status != 200:
        raise _nobody(f"the service principal of ARM_CLIENT_ID was refused with status {answer.status}")
    return str(json.loads(answer.body)["access_token"])


def _identity() -> str | None:
    """azure-identity, where somebody has installed it; it is loaded by name, as nothing here depends on it."""
    try:
        identity = import_module("azure.identity")
    except ImportError:
        return None
    try:
        return str(identity.DefaultAzureCredential().get_token(f"{_AUDIENCE}/.default").token)
    except Exception:  # of a library that may not be there, even the class of its errors is unknown
        return None


def _cli(variables: Mapping[str, str]) -> str | None:
    program = shutil.which("az", path=variables.get("PATH"))
    if program is None:
        return None
    command = [program, "account", "get-access-token", "--resource", _AUDIENCE, "--output", "json"]
    try:
        told = subprocess.run(command, capture_output=True, check=True, timeout=_AZ_S, env=dict(variables))  # noqa: S603 - no part of it comes from outside
        return str(json.loads(told.stdout)["accessToken"])
    except (OSError, subprocess.SubprocessError, ValueError, KeyError):
        return None


def from_environment(send: Send) -> Callable[[], str]:
    """The token of whoever started this process, asked for once."""
    known: list[str] = []

    def ask() -> str:
        known[:] = known or [token(os.environ, send)]
        return known[0]

    return ask


def _nobody(reason: str) -> DeploymentError:
    return DeploymentError(
        f"Cannot publish the package: {reason}.",
        "CREDENTIALS_MISSING",
        hint="Run az login, or set ARM_CLIENT_ID, ARM_CLIENT_SECRET and ARM_TENANT_ID.",
    )
