"""The options of a registration in engine terms; the ones that the sandbox does not play are refused by name."""

from __future__ import annotations

import re
from typing import Any

from semantest_iac.infrastructure.sandbox_engine.aliases import Alias
from semantest_iac.infrastructure.sandbox_engine.unsupported import UnsupportedError

# What RegisterResource can carry and the sandbox does not play; older SDKs lack some of the fields.
_REFUSED = {
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


def refuse_unplayed(request: Any) -> None:
    """Raise UnsupportedError with the names of all such options that the request uses."""
    used = [name for field, name in _REFUSED.items() if getattr(request, field, None)]
    if request.HasField("replacement_trigger"):
        used.append("replacement_trigger")
    if request.HasField("hooks") and request.hooks.ListFields():
        used.append("hooks")
    if used:
        raise UnsupportedError(f"The sandbox does not play {', '.join(sorted(used))} ('{request.name}').")


def aliases_of(request: Any) -> tuple[Alias, ...]:
    """The former names, in the order in which they are tried."""
    return (*map(_alias, request.aliases), *(Alias(urn=urn) for urn in request.aliasURNs))


def _alias(alias: Any) -> Alias:
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


_SECONDS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
_PART = re.compile(r"(\d+\.?\d*|\.\d+)(h|ms|m|s|us|µs|ns)")


def timeouts_of(request: Any) -> dict[str, float]:
    """The custom timeouts in seconds; kept in the state, for a simulated cloud takes no real time."""
    texts = {name: getattr(request.customTimeouts, name) for name in ("create", "update", "delete")}
    return {name: _seconds(text) for name, text in texts.items() if text}


def _seconds(text: str) -> float:
    """A duration as Go writes it: `1h30m`, `90s`, `1.5h`."""
    if _PART.sub("", text):
        raise UnsupportedError(f"The sandbox cannot read the custom timeout '{text}'.")
    return sum(float(number) * _SECONDS[unit] for number, unit in _PART.findall(text))
