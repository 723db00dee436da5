"""What real deployments need: on this machine, in the user's accounts, and as rights there."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from semantest_iac.domain.deployment.stack import Stack
    from semantest_iac.domain.environments.settings import ComponentSettings
    from semantest_iac.domain.ports.permission_rules import PermissionRules
    from semantest_iac.domain.security.permissions import GrantedPermissions, StackPermissions
    from semantest_iac.infrastructure.clouds.account_checks import AccountCheck
    from semantest_iac.infrastructure.clouds.entry import CloudEntry
    from semantest_iac.infrastructure.function_runtimes.runtime_libraries import NodeSdk
    from semantest_iac.infrastructure.pulumi_engine.cli.installation import Prerequisite


def list_prerequisites_here(providers: Collection[str]) -> list[Prerequisite]:
    """List what the Pulumi engine requires for these providers; raises ValidationError for unknown ones."""
    from semantest_iac.infrastructure.pulumi_engine.cli.installation import list_prerequisites

    return list_prerequisites(providers, os.environ)


def open_node_sdk() -> NodeSdk:
    """Return the AWS SDK for JavaScript, which Node functions on Lambda find in their runtime."""
    from semantest_iac.infrastructure.function_runtimes.runtime_libraries import NodeSdk

    return NodeSdk(os.environ)


def check_accounts(project: str | None) -> Iterator[AccountCheck]:
    """Ask the clouds' tools on this machine whether the user's accounts allow deployments; may take seconds.

    Names in the accounts begin with the project.
    """
    from semantest_iac.domain.errors import RefusedError
    from semantest_iac.infrastructure.clouds.account_checks import AccountCheck
    from semantest_iac.infrastructure.clouds.registry import CLOUDS

    variables = {**os.environ, **({"SEMANTEST_PROJECT": project} if project else {})}
    for name in CLOUDS:
        try:
            entry = CLOUDS[name]
            checks = entry.load_part(entry.account_checks)(variables) if entry.account_checks else ()
        except RefusedError as error:
            checks = (AccountCheck(name, False, error.message, error.hint),)
        yield from checks


def compute_permissions(stack: Stack, settings: ComponentSettings) -> StackPermissions:
    """Run the program of a stack in a simulated cloud of its own, and return the rights that it needs and gives.

    Contacts no account. Raises RefusedError for a cloud whose rights are not known.
    """
    import asyncio
    from pathlib import Path
    from tempfile import TemporaryDirectory

    from semantest_iac.domain.deployment.deployment_service import BLUEPRINTS
    from semantest_iac.infrastructure.sandbox_engine.trial_runs import list_created_resources

    entry = _find_entry(stack.provider)
    blueprint = BLUEPRINTS[settings.type](stack, 1, settings)
    blueprint = blueprint.with_records({it.domain for it in blueprint.domains})  # what later deployments create, too
    with TemporaryDirectory(prefix="semantest-") as folder:
        runtime = settings.runtime or _ANY_RUNTIME
        created = asyncio.run(list_created_resources(blueprint, runtime, Path(folder)))
    rules: PermissionRules = entry.load_part(entry.permissions)
    return rules.describe(stack, settings, created)


def read_granted_permissions(provider: str, document: Any) -> GrantedPermissions:
    """Read a document with what somebody may do, in the form of the cloud; raises RefusedError."""
    entry = _find_entry(provider)
    rules: PermissionRules = entry.load_part(entry.permissions)
    return rules.read_granted(document)


_ANY_RUNTIME = "python3.13"


def _find_entry(provider: str) -> CloudEntry:
    from semantest_iac.domain.errors import RefusedError
    from semantest_iac.infrastructure.clouds.registry import CLOUDS

    entry = CLOUDS[provider]
    if not entry.permissions:
        message = f"Cannot say which rights deployments to '{provider}' need: its entry does not say them."
        raise RefusedError(message, "PERMISSIONS_UNKNOWN", hint="Ask whoever offers that cloud.")
    return entry
