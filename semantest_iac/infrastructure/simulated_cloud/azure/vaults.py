"""Key vaults, whose names outlive them, and their secrets."""

from __future__ import annotations

from typing import Any, Final

from semantest_iac.infrastructure.simulated_cloud.azure.every_type import (
    DOC,
    IN_GROUP,
    TERRAFORM,
    ArmType,
    inside,
)
from semantest_iac.infrastructure.simulated_cloud.azure.shapes import known
from semantest_iac.infrastructure.simulated_cloud.clock import DAY
from semantest_iac.infrastructure.simulated_cloud.limits import Length, OneOf, Pattern, Range
from semantest_iac.infrastructure.simulated_cloud.refusal import Refusal
from semantest_iac.infrastructure.simulated_cloud.rules import Guard, Hold, Renewal, Surroundings, TypeRule, Unique
from semantest_iac.infrastructure.simulated_cloud.values import Facts, Properties

VAULT: Final = "azure-native:keyvault:Vault"
SECRET: Final = "azure-native:keyvault:Secret"  # noqa: S105 - a type name

_VAULTS: Final = f"{IN_GROUP}Microsoft.KeyVault/vaults"
_RETENTION: Final = "softDeleteRetentionInDays"
_UNTOLD: Final = {"createMode"}


def _told_vault(facts: Facts) -> dict[str, Any]:
    asked = {name: value for name, value in facts["properties"].items() if name not in _UNTOLD}
    return {
        "enableSoftDelete": True,
        _RETENTION: 90,
        "publicNetworkAccess": "Enabled",
        "provisioningState": "Succeeded",
        "vaultUri": f"https://{facts['vaultName']}.vault.azure.net/",
        **asked,
    }


def _told_secret(facts: Facts) -> dict[str, Any]:
    """Resource Manager never tells the value; every change makes a version."""
    asked = {name: value for name, value in facts["properties"].items() if name != "value"}
    uri = f"{facts['vault']['properties']['vaultUri']}secrets/{facts['secretName']}"
    version = f"{facts['revision']:08x}{facts['uuid'].replace('-', '')[8:]}"
    return {"attributes": {"enabled": True}, **asked, "secretUri": uri, "secretUriWithVersion": f"{uri}/{version}"}


def _retained(vault: Properties) -> float:
    return float(vault["properties"][_RETENTION]) * DAY


def _is_recovered(facts: Facts) -> bool:
    return bool(facts["properties"].get("createMode") == "recover")


def _changes_its_retention(around: Surroundings) -> bool:
    asked = around.facts["properties"].get(_RETENTION)
    return bool(around.before) and asked not in (None, around.before["properties"][_RETENTION])


TYPES: Final[dict[str, TypeRule]] = {
    VAULT: ArmType(VAULT, f"{_VAULTS}/{{vaultName}}").rule(
        {
            "vaultName": known(Pattern(r"^(?!.*--)[a-zA-Z][a-zA-Z0-9-]{1,22}[a-zA-Z0-9]\Z", DOC)),
            "properties.tenantId": known(replaces=True),
            f"properties.{_RETENTION}": known(Range(7, 90, TERRAFORM), settled=True),
            "properties.enablePurgeProtection": known(OneOf((True,), DOC), settled=True),
            "properties.enableSoftDelete": known(settled=True),
            "properties.createMode": known(rewritten=True),
        },
        rendered={"properties": _told_vault},
        unique=(
            Unique(
                "{vaultName}",
                Refusal(
                    "VaultAlreadyExists",
                    "The vault name '{vaultName}' is already in use. Vault names are globally unique so it is "
                    "possible that the name is already taken.",
                    409,
                ),
            ),
        ),
        guards=(
            Guard(
                _changes_its_retention,
                Refusal(
                    "BadRequest",
                    f'The property "{_RETENTION}" has been set already and it can\'t be modified.',
                ),
                TERRAFORM,
            ),
        ),
        held=Hold(
            _retained,
            Refusal(
                "ConflictError",
                "A vault with the same name already exists in deleted state. You need to either recover or purge "
                "existing key vault.",
                409,
            ),
            lifted=_is_recovered,
        ),
        latency=20,
    ),
    SECRET: ArmType(SECRET, f"{_VAULTS}/{{vaultName}}/secrets/{{secretName}}").rule(
        {
            "secretName": known(Pattern(r"^[a-zA-Z0-9-]*\Z", DOC), Length(1, 127, DOC)),
            "properties": known(sealed=True),
            "properties.value": known(rewritten=True),
        },
        computed={"location": "{vault[location]}"},
        rendered={"properties": _told_secret},
        renewals=(Renewal(("properties",), ("properties",)),),
        references=(inside("vaultName", VAULT, _VAULTS, named="vault"),),
        latency=2,
    ),
}
