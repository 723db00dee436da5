"""The deployer's token for Azure services outside its resource manager."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping
from functools import partial
from importlib import import_module
from urllib.parse import urlencode

from semantest_iac.domain.errors import DeploymentError
from semantest_iac.domain.networking.http_exchange import HttpRequest
from semantest_iac.infrastructure.cloud_programs.code_publishing import SendRequest, ServiceClient
from semantest_iac.infrastructure.cloud_programs.https import send_https

LOGIN_ORIGIN = "https://login.microsoftonline.com"
_AUDIENCE = "https://management.azure.com"
VAULT_AUDIENCE = "https://vault.azure.net"
_CLI_TIMEOUT_S = 60
_FORM_HEADERS = (("content-type", "application/x-www-form-urlencoded"),)

TokenSource = Callable[[], str | None]


def find_azure_token(variables: Mapping[str, str], send: SendRequest, audience: str = _AUDIENCE) -> str:
    """Return a token from the first source available: service principal variables, azure-identity, the Azure CLI.

    Raises DeploymentError with the commands to run if there is none or if the login was refused.
    """
    sources: tuple[TokenSource, ...] = (
        partial(_service_principal_token, variables, send, audience),
        partial(_azure_identity_token, audience),
        partial(_cli_token, variables, audience),
    )
    token = next(filter(None, (source() for source in sources)), None)
    if token is None:
        raise _missing_credentials("nobody is logged in to Azure on this machine")
    return token


def _service_principal_token(variables: Mapping[str, str], send: SendRequest, audience: str) -> str | None:
    """Use the same variables that the Pulumi provider reads."""
    names = ("TENANT_ID", "CLIENT_ID", "CLIENT_SECRET")
    tenant, client, secret = (variables.get(f"ARM_{n}") or variables.get(f"AZURE_{n}") or "" for n in names)
    if not (tenant and client and secret):
        return None
    form = {"grant_type": "client_credentials", "client_id": client, "client_secret": secret}
    body = urlencode(form | {"scope": f"{audience}/.default"}).encode()
    try:
        response = send(
            LOGIN_ORIGIN, HttpRequest("POST", f"/{tenant}/oauth2/v2.0/token", headers=_FORM_HEADERS, body=body)
        )
    except OSError as error:
        raise _missing_credentials("the login service does not answer") from error
    if response.status != 200:
        raise _missing_credentials(f"the service principal of ARM_CLIENT_ID was refused with status {response.status}")
    return str(json.loads(response.body)["access_token"])


def _azure_identity_token(audience: str) -> str | None:
    """Use azure-identity if it is installed; it is imported by name, because nothing here depends on it."""
    try:
        identity = import_module("azure.identity")
    except ImportError:
        return None
    try:
        return str(identity.DefaultAzureCredential().get_token(f"{audience}/.default").token)
    except Exception:  # the library may be missing, so even the class of its errors is unknown
        return None


def _cli_token(variables: Mapping[str, str], audience: str) -> str | None:
    program = shutil.which("az", path=variables.get("PATH"))
    if program is None:
        return None
    command = [program, "account", "get-access-token", "--resource", audience, "--output", "json"]
    try:
        result = subprocess.run(command, capture_output=True, check=True, timeout=_CLI_TIMEOUT_S, env=dict(variables))  # noqa: S603 - no part of it comes from outside
        return str(json.loads(result.stdout)["accessToken"])
    except (OSError, subprocess.SubprocessError, ValueError, KeyError):
        return None


def create_azure_client(audience: str = _AUDIENCE) -> ServiceClient:
    """Return a client that requests the token of this process's user once."""
    cached: list[str] = []

    def token() -> str:
        cached[:] = cached or [find_azure_token(os.environ, send_https, audience)]
        return cached[0]

    return ServiceClient(send_https, token, time.sleep)


def _missing_credentials(reason: str) -> DeploymentError:
    return DeploymentError(
        f"Cannot log in to Azure: {reason}.",
        "CREDENTIALS_MISSING",
        hint="Run az login, or set ARM_CLIENT_ID, ARM_CLIENT_SECRET and ARM_TENANT_ID.",
    )
