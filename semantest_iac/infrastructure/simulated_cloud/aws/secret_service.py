"""Secrets Manager: values that are written and read outside of deployments."""

from __future__ import annotations

import uuid
from typing import Any, Final

from semantest_iac.infrastructure.simulated_cloud.aws.security import SECRET_TYPE
from semantest_iac.infrastructure.simulated_cloud.runtime.cloud import SimulatedCloud
from semantest_iac.infrastructure.simulated_cloud.schema.refusals import CloudRefusal
from semantest_iac.infrastructure.simulated_cloud.schema.values import ValueSeal

_LARGEST_VALUE: Final = 65536
_NO_SECRET: Final = "Secrets Manager can't find the specified secret."  # noqa: S105 - a message
_NO_VERSION: Final = "Secrets Manager can't find the specified secret value for VersionId: {version}"


class SecretsManagerService:
    """Answers PutSecretValue and GetSecretValue by the names of boto3's client.

    Sources: the API reference of both actions; the messages are those that moto records of AWS.
    """

    def __init__(self, cloud: SimulatedCloud, seal: ValueSeal) -> None:
        self._cloud = cloud
        self._seal = seal

    def put_secret_value(self, **request: Any) -> dict[str, Any]:
        """Add a version; only the deployed one is current, so the stages say nothing here."""
        secret, value = str(request["SecretId"]), str(request["SecretString"])
        if not 1 <= len(value.encode()) <= _LARGEST_VALUE:
            message = f"Member must have length less than or equal to {_LARGEST_VALUE}"
            raise CloudRefusal(
                "ValidationException", f"Value at 'secretString' failed to satisfy constraint: {message}"
            )
        version = str(uuid.uuid4())
        try:
            self._cloud.write_secret_version(SECRET_TYPE, secret, version, self._seal.encrypt(value))
        except CloudRefusal as refusal:
            raise _with_own_message(refusal) from refusal
        return {"ARN": secret, "VersionId": version, "VersionStages": list(request["VersionStages"])}

    def get_secret_value(self, **request: Any) -> dict[str, Any]:
        """Return the value of a version that was put."""
        secret, version = str(request["SecretId"]), str(request["VersionId"])
        try:
            sealed = self._cloud.read_secret_version(SECRET_TYPE, secret, version)
        except CloudRefusal as refusal:
            raise _with_own_message(refusal) from refusal
        if sealed is None:
            raise CloudRefusal("ResourceNotFoundException", _NO_VERSION.format(version=version))
        return {"ARN": secret, "VersionId": version, "SecretString": self._seal.decrypt(sealed)}


def _with_own_message(refusal: CloudRefusal) -> CloudRefusal:
    """Return the refusal as Secrets Manager words it."""
    return CloudRefusal("ResourceNotFoundException", _NO_SECRET) if refusal.code == "ResourceNotFound" else refusal
