"""The desired state of one resource, decoded from a program's request, and the registry of URNs already used."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any

from semantest_iac.infrastructure.sandbox_engine.protocol import wire
from semantest_iac.infrastructure.sandbox_engine.protocol.urns import PROVIDER_TYPE_PREFIX, build_urn
from semantest_iac.infrastructure.sandbox_engine.protocol.values import PropertyValues, move_secrets_out_of_lists
from semantest_iac.infrastructure.sandbox_engine.protocol.wire import UnsupportedError
from semantest_iac.infrastructure.sandbox_engine.state.aliases import Alias, current_and_former_urns
from semantest_iac.infrastructure.sandbox_engine.state.snapshots import ResourceState, Snapshot

# RegisterResource can carry these, but the sandbox does not support them; older SDKs lack some of the fields.
_UNSUPPORTED_OPTIONS = {
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
    "pluginChecksums": "plugin checksums",
    "snippetId": "snippets",
}


def refuse_unsupported_options(request: Any) -> None:
    """Raise UnsupportedError naming every unsupported option that the request uses."""
    used = [name for field, name in _UNSUPPORTED_OPTIONS.items() if getattr(request, field, None)]
    if request.HasField("replacement_trigger"):
        used.append("replacement_trigger")
    if request.HasField("hooks") and request.hooks.ListFields():
        used.append("hooks")
    if used:
        raise UnsupportedError(f"The sandbox does not support {', '.join(sorted(used))} ('{request.name}').")


def aliases_of(request: Any) -> tuple[Alias, ...]:
    """Return the former names in the order in which they are tried."""
    return (*map(_decode_alias, request.aliases), *(Alias(urn=urn) for urn in request.aliasURNs))


def _decode_alias(alias: Any) -> Alias:
    if alias.urn:
        return Alias(urn=alias.urn)
    spec = alias.spec
    return Alias(
        name=spec.name,
        type=spec.type,
        stack=spec.stack,
        project=spec.project,
        parent=spec.parentUrn,
        no_parent=spec.noParent,
    )


_SECONDS_PER_UNIT = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
_DURATION_PART = re.compile(r"(\d+\.?\d*|\.\d+)(h|ms|m|s|us|µs|ns)")


def timeouts_of(request: Any) -> dict[str, float]:
    """Return the custom timeouts in seconds; they are only stored, because a simulated cloud takes no real time."""
    texts = {name: getattr(request.customTimeouts, name) for name in ("create", "update", "delete")}
    return {name: _parse_duration(text) for name, text in texts.items() if text}


def _parse_duration(text: str) -> float:
    """Parse a duration as Go writes it (`1h30m`, `90s`, `1.5h`) into seconds."""
    if _DURATION_PART.sub("", text):
        raise UnsupportedError(f"The sandbox cannot read the custom timeout '{text}'.")
    return sum(float(number) * _SECONDS_PER_UNIT[unit] for number, unit in _DURATION_PART.findall(text))


@dataclass(frozen=True, slots=True)
class DesiredState:
    """A resource as the program wants it, with its aliases and its replacement order."""

    resource: ResourceState
    aliases: tuple[Alias, ...] = ()
    delete_before_replace: bool | None = None


@dataclass(frozen=True, slots=True)
class RegistrationContext:
    """What a request leaves out: its stack and project, and the parent and provider that apply to it."""

    stack: str
    project: str
    parent: ResourceState | None = None
    provider: str = ""

    def urn(self, request: Any) -> str:
        return build_urn(self.stack, self.project, request.parent, request.type, request.name)


def decode_registration(request: Any, context: RegistrationContext) -> DesiredState:
    """Decode a RegisterResourceRequest; raises UnsupportedError.

    Without options of their own, resources inherit `protect` and `retain_on_delete` from the parent.
    """
    refuse_unsupported_options(request)
    parent = context.parent or ResourceState("", "", custom=False)
    resource = ResourceState(
        urn=context.urn(request),
        type=request.type,
        custom=request.custom,
        inputs=_decode_inputs(request),
        parent=request.parent,
        provider=context.provider,
        dependencies=tuple(sorted(request.dependencies)),
        property_dependencies=_decode_property_dependencies(request),
        additional_secret_outputs=tuple(sorted(request.additionalSecretOutputs)),
        ignore_changes=tuple(request.ignoreChanges),
        replace_on_changes=tuple(request.replaceOnChanges),
        custom_timeouts=timeouts_of(request),
        protect=request.protect if request.HasField("protect") else parent.protect,
        retain_on_delete=request.retainOnDelete if request.HasField("retainOnDelete") else parent.retain_on_delete,
    )
    delete_first = request.deleteBeforeReplace if request.deleteBeforeReplaceDefined else None
    return DesiredState(resource, aliases_of(request), delete_first)


def decode_read(request: Any, context: RegistrationContext) -> ResourceState:
    """Decode a ReadResourceRequest, whose resource is managed elsewhere; the id is empty while it is unknown."""
    return ResourceState(
        urn=context.urn(request),
        type=request.type,
        custom=True,
        id="" if request.id == wire.UNKNOWN_MARKER else request.id,
        inputs=move_secrets_out_of_lists(wire.decode_properties(request.properties)),
        parent=request.parent,
        provider=context.provider,
        dependencies=tuple(sorted(request.dependencies)),
        additional_secret_outputs=tuple(sorted(request.additionalSecretOutputs)),
        external=True,
    )


def default_provider(package: str, version: str, context: RegistrationContext) -> ResourceState:
    """Return the provider of resources that name none; Pulumi creates one per package and version."""
    type_ = f"{PROVIDER_TYPE_PREFIX}{package}"
    name = "_".join(["default", *version.replace("-", ".").split(".")]) if version else "default"
    return ResourceState(
        urn=build_urn(context.stack, context.project, "", type_, name),
        type=type_,
        custom=True,
        inputs={"version": version} if version else {},
    )


def _decode_inputs(request: Any) -> PropertyValues:
    inputs = move_secrets_out_of_lists(wire.decode_properties(request.object))
    if request.version and request.type.startswith(PROVIDER_TYPE_PREFIX):
        return {**inputs, "version": request.version}
    return inputs


def _decode_property_dependencies(request: Any) -> dict[str, tuple[str, ...]]:
    return {
        name: tuple(sorted(found.urns)) for name, found in sorted(request.propertyDependencies.items()) if found.urns
    }


class DuplicateUrnError(Exception):
    """Two registrations refer to the same resource."""


class UrnRegistry:
    """The present and former URNs that the registrations of one run have used."""

    def __init__(self) -> None:
        self._used: set[str] = set()
        self._renamed: dict[str, str] = {}  # present URN -> the former URN under which it was found

    def claim(self, desired: DesiredState, snapshot: Snapshot) -> tuple[ResourceState | None, DesiredState]:
        """Return the resource's state in the last run, and the desired state with any former URN as alias."""
        urn = desired.resource.urn
        if urn in self._used:
            raise DuplicateUrnError(f"Duplicate resource '{urn}'; try giving it a unique name")
        urns = current_and_former_urns(desired.resource, desired.aliases, self._renamed)
        old = next(filter(None, map(snapshot.find_left_from_last_run, urns)), None)
        self._used.add(urn)
        if old is None or old.urn == urn:
            return old, desired
        self._used.add(old.urn)
        self._renamed[urn] = old.urn
        return old, replace(desired, resource=replace(desired.resource, aliases=(old.urn,)))
