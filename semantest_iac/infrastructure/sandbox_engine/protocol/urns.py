"""Pulumi's resource names: `urn:pulumi:<stack>::<project>::<parent types$>type::<name>`."""

from __future__ import annotations

ROOT_STACK_TYPE = "pulumi:pulumi:Stack"
PROVIDER_TYPE_PREFIX = "pulumi:providers:"


def build_urn(stack: str, project: str, parent: str, type_: str, name: str) -> str:
    """Build the URN of a resource under a parent's URN (empty: no parent); the root stack adds no type."""
    above = type_chain_of_urn(parent) if parent else ""
    chain = f"{above}${type_}" if above and above != ROOT_STACK_TYPE else type_
    return f"urn:pulumi:{stack}::{project}::{chain}::{name}"


def stack_of_urn(urn: str) -> str:
    return urn.split("::", 1)[0].removeprefix("urn:pulumi:")


def project_of_urn(urn: str) -> str:
    return urn.split("::", 2)[1]


def type_chain_of_urn(urn: str) -> str:
    """Return the types from the outermost parent down to the resource's own, joined by `$`."""
    return urn.split("::", 3)[2]


def type_of_urn(urn: str) -> str:
    return type_chain_of_urn(urn).rsplit("$", 1)[-1]


def name_of_urn(urn: str) -> str:
    return urn.split("::", 3)[3]


def reparent_urn(urn: str, parent: str) -> str:
    return build_urn(stack_of_urn(urn), project_of_urn(urn), parent, type_of_urn(urn), name_of_urn(urn))


def provider_urn(reference: str) -> str:
    """Return the URN in a provider reference (`urn::id`, may be empty)."""
    return reference.rpartition("::")[0]
