"""Writes and reads versions of secrets in AWS Secrets Manager.

Sources: PutSecretValue and GetSecretValue in the API reference; a value has at most 65,536 bytes.
"""

from __future__ import annotations

from typing import Any, NoReturn

from semantest_iac.application.ports.secret_store import SecretValue
from semantest_iac.application.ports.secret_versions import SecretVersions
from semantest_iac.domain.errors import (
    CloudUnavailableError,
    DeploymentError,
    ExtraMissingError,
    NotFoundError,
    ProviderError,
    ThrottledError,
)
from semantest_iac.infrastructure.simulated_cloud.aws.secret_service import SecretsManagerService
from semantest_iac.infrastructure.simulated_cloud.runtime.cloud import SimulatedCloud
from semantest_iac.infrastructure.simulated_cloud.schema.refusals import CloudRefusal
from semantest_iac.infrastructure.simulated_cloud.schema.values import ValueSeal

PENDING_STAGE = "AWSPENDING"
"""The stage of a value that is not used yet: the deployment that brings it to the functions writes the current one."""
_MISSING_CODES = frozenset({"ResourceNotFoundException", "InvalidRequestException"})
_THROTTLED_CODES = frozenset({"ThrottlingException", "TooManyRequestsException"})
_DENIED_CODES = frozenset({"AccessDeniedException", "UnrecognizedClientException", "ExpiredTokenException"})
_DENIED_HINT = "The deploying identity needs secretsmanager:PutSecretValue and secretsmanager:GetSecretValue on it."


class SecretsManagerVersions:
    """The SecretVersions of a client of boto3; an address is the ARN of a secret.

    `errors` are the classes of errors that the client raises.
    """

    largest_value = 65536

    def __init__(self, client: Any, errors: tuple[type[Exception], ...]) -> None:
        self._client = client
        self._errors = errors

    def write(self, address: str, value: SecretValue) -> str:
        """Write a version that waits for a deployment: functions that start meanwhile read the current one."""
        try:
            answer = self._client.put_secret_value(
                SecretId=address, SecretString=value.expose(), VersionStages=[PENDING_STAGE]
            )
        except self._errors as error:
            _raise_translated("write", address, error)
        return str(answer["VersionId"])

    def read(self, address: str, version: str) -> SecretValue:
        """Return the value of a version."""
        try:
            answer = self._client.get_secret_value(SecretId=address, VersionId=version)
        except self._errors as error:
            _raise_translated("read", address, error)
        return SecretValue(str(answer["SecretString"]))


def open_secrets_manager(region: str) -> SecretVersions:
    """Return the store of the account of this machine's user; raises ExtraMissingError without boto3."""
    try:
        import boto3
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError, ClientError
    except ModuleNotFoundError as error:
        raise ExtraMissingError("use AWS Secrets Manager", error.name or "boto3", "aws") from error
    config = Config(connect_timeout=10, read_timeout=30, retries={"total_max_attempts": 4, "mode": "standard"})
    client = boto3.client("secretsmanager", region_name=region, config=config)
    return SecretsManagerVersions(client, (ClientError, BotoCoreError))


def open_simulated_secrets_manager(cloud: SimulatedCloud, seal: ValueSeal) -> SecretVersions:
    """Return the store of a simulated account."""
    return SecretsManagerVersions(SecretsManagerService(cloud, seal), (CloudRefusal,))


def _raise_translated(verb: str, address: str, error: Exception) -> NoReturn:
    """Raise what an error means; its text may repeat the request, so that only AWS's own message is taken over."""
    raise _translate(verb, address, error) from None


def _translate(verb: str, address: str, error: Exception) -> DeploymentError:
    answer = getattr(error, "response", None) or {}
    details = answer.get("Error") or {}
    code = str(details.get("Code") or getattr(error, "code", ""))
    message = str(details.get("Message") or getattr(error, "message", "") or type(error).__name__)
    what = f"Cannot {verb} '{address}': {message.rstrip('.')}."
    if code in _MISSING_CODES:
        return NotFoundError(what, hint="Deploy the component again, then set the secret.")
    if code in _THROTTLED_CODES:
        return ThrottledError(what, provider="aws", resource=address)
    if code in _DENIED_CODES:
        return ProviderError(what, "SECRET_ACCESS_DENIED", provider="aws", resource=address, hint=_DENIED_HINT)
    if not code:
        return CloudUnavailableError(what, provider="aws", resource=address)
    return ProviderError(what, provider="aws", resource=address)
