"""What a program asks for: one resource with its inputs and options."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from semantest_iac.infrastructure.sandbox_engine import wire
from semantest_iac.infrastructure.sandbox_engine.urns import STACK_TYPE, urn_of
from semantest_iac.infrastructure.sandbox_engine.values import Properties


class UnsupportedError(Exception):
    """The program uses a part of Pulumi that the sandbox does not play; the message names it."""


@dataclass(frozen=True, slots=True)
class Goal:
    """A resource as the program wants it to be."""

    urn: str
    type: str
    custom: bool
    inputs: Properties = field(default_factory=dict)
    parent: str = ""
    provider: str = ""
    dependencies: tuple[str, ...] = ()
    property_dependencies: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    aliases: tuple[str, ...] = ()
    protect: bool = False
    ignore_changes: tuple[str, ...] = ()
    replace_on_changes: tuple[str, ...] = ()
    delete_before_replace: bool | None = None
    retain_on_delete: bool = False
    additional_secret_outputs: tuple[str, ...] = ()


# What RegisterResource can carry and the sandbox does not play; each is refused by its name.
_UNSUPPORTED = {
    "remote": "remote components",
    "importId": "import_",
    "transforms": "transforms",
    "state_migrations": "state_migrations",
    "deletedWith": "deleted_with",
    "replace_with": "replace_with",
    "hideDiffs": "hide_diffs",
    "envVarMappings": "env_var_mappings",
    "packageRef": "parameterized packages",
    "pluginDownloadURL": "plugin_download_url",
}


def goal_of(request: Any, *, stack: str, project: str) -> Goal:
    """The goal of a RegisterResourceRequest; raises UnsupportedError."""
    _refuse_unsupported(request)
    return Goal(
        urn=urn_of(stack, project, request.parent, request.type, request.name),
        type=request.type,
        custom=request.custom,
        inputs=wire.decode(request.object),
        parent=request.parent,
        provider=request.provider,
        dependencies=tuple(sorted(request.dependencies)),
        property_dependencies={
            name: tuple(sorted(found.urns))
            for name, found in sorted(request.propertyDependencies.items())
            if found.urns
        },
        aliases=_aliases(request, stack, project),
        protect=request.protect,
        ignore_changes=tuple(request.ignoreChanges),
        replace_on_changes=tuple(request.replaceOnChanges),
        delete_before_replace=request.deleteBeforeReplace if request.deleteBeforeReplaceDefined else None,
        retain_on_delete=request.retainOnDelete,
        additional_secret_outputs=tuple(sorted(request.additionalSecretOutputs)),
    )


def _refuse_unsupported(request: Any) -> None:
    used = [name for field_, name in _UNSUPPORTED.items() if getattr(request, field_, None)]
    if request.HasField("replacement_trigger"):
        used.append("replacement_trigger")
    if any(getattr(request.hooks, kind) for kind in request.hooks.DESCRIPTOR.fields_by_name):
        used.append("hooks")
    if used:
        raise UnsupportedError(f"The sandbox does not play {', '.join(sorted(used))} ('{request.name}').")


def _aliases(request: Any, stack: str, project: str) -> tuple[str, ...]:
    specs = (_alias_urn(alias, request, stack, project) for alias in request.aliases)
    return (*specs, *request.aliasURNs)


def _alias_urn(alias: Any, request: Any, stack: str, project: str) -> str:
    if alias.urn:
        return str(alias.urn)
    spec = alias.spec
    parent = spec.parentUrn or request.parent
    if spec.noParent:
        parent = urn_of(stack, project, "", STACK_TYPE, f"{project}-{stack}")
    return urn_of(
        spec.stack or stack,
        spec.project or project,
        parent,
        spec.type or request.type,
        spec.name or request.name,
    )
