"""The secrets with which this tool itself works, the same for all environments: of the state, and of accounts.

They are read from the environment and from `.env`, and are no part of the configuration: `${secrets.name}` are those of
components.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, MutableMapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict, SecretStr

from semantest_iac.infrastructure.configuration.text_files import read_dotenv_variables


class AppSecrets(BaseModel):
    """What opens the state and the accounts; None where it is not set. No text that is made of it shows a value.

    `azure_storage_account` is the account that keeps the state, for a `SEMANTEST_STATE_URL` that begins with azblob.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    pulumi_config_passphrase: SecretStr | None = None
    pulumi_access_token: SecretStr | None = None
    azure_storage_account: str | None = None
    azure_storage_key: SecretStr | None = None
    azure_storage_sas_token: SecretStr | None = None
    arm_client_id: str | None = None
    arm_client_secret: SecretStr | None = None
    arm_tenant_id: str | None = None
    arm_subscription_id: str | None = None

    def reveal_variables(self) -> dict[str, str]:
        """Return the variables with their values, as the programs that need them read them."""
        found = {name.upper(): getattr(self, name) for name in type(self).model_fields}
        revealed = {
            name: it.get_secret_value() if isinstance(it, SecretStr) else it for name, it in found.items() if it
        }
        return {name: value for name, value in revealed.items() if value}


def get_secrets(folder: Path | None = None, variables: Mapping[str, str] | None = None) -> AppSecrets:
    """Return the secrets of the environment and of the `.env` file in a folder, the current one by default.

    The environment wins.
    """
    environment = os.environ if variables is None else variables
    found = {**read_dotenv_variables(folder or Path()), **environment}
    return AppSecrets.model_validate({name: found.get(name.upper()) for name in AppSecrets.model_fields})


def export_secrets(secrets: AppSecrets, environment: MutableMapping[str, str] | None = None) -> None:
    """Set the variables that this process lacks: what talks to a real cloud reads them there, as its own tools do."""
    target = os.environ if environment is None else environment
    for name, value in secrets.reveal_variables().items():
        target.setdefault(name, value)
