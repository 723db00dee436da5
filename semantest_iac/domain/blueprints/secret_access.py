"""Who may read which secrets of a stack, and which functions refer to them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from semantest_iac.domain.blueprints.blueprint import Blueprint
from semantest_iac.domain.blueprints.parts import IDENTITY_REF
from semantest_iac.domain.compute.functions import ServerlessFunction
from semantest_iac.domain.resource import DeployedResource
from semantest_iac.domain.security.access import AppSecret


@dataclass(frozen=True, slots=True)
class SecretReference:
    """A variable of a function that has the value of a secret; the one function without a name has an empty one."""

    secret: str
    function: str
    variable: str
    identity: str = ""


@dataclass(frozen=True, slots=True)
class SecretGrant:
    """An identity of the stack that may read a secret; `means` says what allows it, in the cloud's own words."""

    secret: str
    identity: str
    means: str


class SecretResources(Protocol):
    """Reads what a cloud's program has created for secrets; `secrets` are their names in the configuration."""

    def find_addresses(self, resources: Sequence[DeployedResource]) -> Mapping[str, str]:
        """Return the address of each secret in the store of the cloud, by its name."""
        ...

    def list_values(self, resources: Sequence[DeployedResource]) -> Sequence[str]:
        """Return the values of secrets that the resources hold in the clear."""
        ...

    def list_grants(self, resources: Sequence[DeployedResource]) -> Sequence[SecretGrant]:
        """Return each right to read a secret; the identities have the names of their resources in the program."""
        ...


@dataclass(frozen=True, slots=True)
class SecretAudit:
    """Who may read one secret, which functions refer to it, and what of both does not fit together."""

    secret: str
    grants: tuple[SecretGrant, ...]
    references: tuple[SecretReference, ...]

    @property
    def unused_grants(self) -> tuple[SecretGrant, ...]:
        """The rights of identities under which no function runs that refers to the secret."""
        using = {reference.identity for reference in self.references}
        return tuple(grant for grant in self.grants if grant.identity not in using)

    @property
    def refused_references(self) -> tuple[SecretReference, ...]:
        """The variables that stay without a value, because the function may not read the secret."""
        allowed = {grant.identity for grant in self.grants}
        return tuple(reference for reference in self.references if reference.identity not in allowed)


def list_references(blueprint: Blueprint, identities: Iterable[str] = ()) -> list[SecretReference]:
    """Return which variables of which functions refer to which secrets, sorted.

    `identities` are those that exist: a cloud may let several functions run under the one of the main function.
    """
    keys = {it.name: it.key for it in blueprint.resources if isinstance(it, AppSecret)}
    existing = set(identities)
    found = [
        SecretReference(keys[ref], function.purpose, variable, _find_identity(str(function.identity), existing))
        for function in blueprint.resources
        if isinstance(function, ServerlessFunction)
        for variable, ref in function.secrets.items()
    ]
    return sorted(found, key=lambda it: (it.secret, it.function, it.variable))


def _find_identity(identity: str, existing: set[str]) -> str:
    return IDENTITY_REF if existing and identity not in existing and IDENTITY_REF in existing else identity


def audit_secrets(
    secrets: Iterable[str], grants: Iterable[SecretGrant], references: Iterable[SecretReference]
) -> list[SecretAudit]:
    """Return the audit of each secret, by name; secrets that only a grant or a reference names are included."""
    all_grants, all_references = list(grants), list(references)
    names = {*secrets, *(it.secret for it in all_grants), *(it.secret for it in all_references)}
    return [
        SecretAudit(
            name,
            tuple(grant for grant in all_grants if grant.secret == name),
            tuple(reference for reference in all_references if reference.secret == name),
        )
        for name in sorted(names)
    ]
