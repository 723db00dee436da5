"""Computes the outputs of a resource, and masks sensitive values before they are stored."""

from __future__ import annotations

import hmac
import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

from semantest_iac.infrastructure.simulated_cloud.schema.equality import are_equal, covers_inputs, with_defaults
from semantest_iac.infrastructure.simulated_cloud.schema.properties import Property
from semantest_iac.infrastructure.simulated_cloud.schema.rules import OutputSource, TypeRule, resolve_output
from semantest_iac.infrastructure.simulated_cloud.schema.values import (
    DEFAULTS_KEY,
    MISSING,
    UNKNOWN,
    RequestFacts,
    ResourceProperties,
)


def inputs_with_defaults(rule: TypeRule, inputs: ResourceProperties) -> dict[str, Any]:
    """Inputs and defaults, without the marks of the bridge."""
    ours = {name: value for name, value in inputs.items() if name != DEFAULTS_KEY}
    return with_defaults(rule.properties, ours)


def compute_outputs(
    sources: Mapping[str, OutputSource], known: ResourceProperties, facts: RequestFacts
) -> dict[str, Any]:
    """Outputs in the order of the table; each may use the ones before it. An input of the same name stands."""
    made: dict[str, Any] = {}
    for name, source in sources.items():
        if name not in known:
            made[name] = facts[name] = resolve_output(source, facts)
    return made


def preview_create_outputs(rule: TypeRule, inputs: ResourceProperties, facts: RequestFacts) -> dict[str, Any]:
    """What a create is known to give before it is done; what only the cloud can say is UNKNOWN."""
    known = inputs_with_defaults(rule, inputs)
    planned = compute_outputs(rule.planned, known, RequestFacts(facts | known))
    chosen = (*rule.computed, rule.name) if rule.name else rule.computed
    return {**dict.fromkeys(chosen, UNKNOWN), **planned, **known, **_preview_rendered_outputs(rule, known, {})}


def preview_update_outputs(
    rule: TypeRule, old: ResourceProperties, inputs: ResourceProperties, facts: RequestFacts
) -> dict[str, Any]:
    """What an update is known to give before it is done; what it makes anew is UNKNOWN."""
    known = inputs_with_defaults(rule, inputs)
    planned = compute_outputs(rule.planned, known, RequestFacts(facts | known))
    anew = dict.fromkeys(find_recomputed_outputs(rule, old, known), UNKNOWN)
    return {
        **keep_computed_outputs(rule, old),
        **anew,
        **planned,
        **known,
        **_preview_rendered_outputs(rule, known, old),
    }


def compute_update_outputs(
    rule: TypeRule, old: ResourceProperties, known: ResourceProperties, anew: set[str], facts: RequestFacts
) -> dict[str, Any]:
    """What an update gives: outputs that are not made anew stay as they were."""
    made = compute_create_outputs(rule, known, facts)
    kept = {name: value for name, value in keep_computed_outputs(rule, old).items() if name not in anew}
    return {**made, **kept, **known, **_render_outputs(rule, known, facts)}


def compute_create_outputs(rule: TypeRule, known: ResourceProperties, facts: RequestFacts) -> dict[str, Any]:
    """All outputs; the facts must hold everything that the templates of the type name."""
    made = {**compute_outputs(rule.planned, known, facts), **compute_outputs(rule.computed, known, facts)}
    return {**made, **known, **_render_outputs(rule, known, facts)}


def _render_outputs(rule: TypeRule, known: ResourceProperties, facts: RequestFacts) -> dict[str, Any]:
    return {name: resolve_output(source, facts) for name, source in rule.rendered.items() if name in known}


def _preview_rendered_outputs(rule: TypeRule, known: ResourceProperties, old: ResourceProperties) -> dict[str, Any]:
    """Rendered outputs before an apply: the old ones where nothing of the inputs is new to them."""
    names = rule.rendered.keys() & known.keys()
    settled = {name for name in names & old.keys() if covers_inputs(rule.properties[name], old[name], known[name])}
    return {name: old[name] if name in settled else UNKNOWN for name in names}


def keep_computed_outputs(rule: TypeRule, old: ResourceProperties) -> dict[str, Any]:
    """Of old outputs, those that the cloud or the provider chose."""
    return {name: old[name] for name in (*rule.computed, rule.name) if name in old}


def find_recomputed_outputs(rule: TypeRule, old: ResourceProperties, new: ResourceProperties) -> set[str]:
    """The outputs that the update from old to new values makes anew."""
    return {
        output
        for renewal in rule.renewals
        if (not renewal.only_if or new.get(renewal.only_if)) and _any_changed(rule.properties, renewal.causes, old, new)
        for output in renewal.outputs
    }


def _any_changed(
    known: Mapping[str, Property], names: Iterable[str], old: ResourceProperties, new: ResourceProperties
) -> bool:
    return any(
        _is_changed(known[name], old.get(name, MISSING), new.get(name, MISSING)) for name in names if name in known
    )


def _is_changed(known: Property, old: Any, new: Any) -> bool:
    return not (known.settled and new is MISSING) and not are_equal(known, old, new)


_MASK_PREFIX: Final = "sealed:"


def mask_sensitive(rule: TypeRule, values: ResourceProperties, key: bytes) -> dict[str, Any]:
    """The values as they may be written down."""
    secret = _sensitive_names(rule) & values.keys()
    return {name: _fingerprint(value, key) if name in secret else value for name, value in values.items()}


def unmask_sensitive(
    rule: TypeRule, stored: ResourceProperties, state: ResourceProperties, key: bytes
) -> dict[str, Any]:
    """Stored values with the caller's own in place of fingerprints.

    What the caller does not know is left out; where the caller knows another value, the fingerprint stays and shows
    as a change.
    """
    opened = dict(stored)
    for name in _sensitive_names(rule) & stored.keys():
        if name not in state:
            del opened[name]
        elif _fingerprint(state[name], key) == stored[name]:
            opened[name] = state[name]
    return opened


def _sensitive_names(rule: TypeRule) -> set[str]:
    return {name for name, known in rule.properties.items() if known.sealed}


def _fingerprint(value: Any, key: bytes) -> str:
    if isinstance(value, str) and value.startswith(_MASK_PREFIX):
        return value
    return _MASK_PREFIX + hmac.digest(key, json.dumps(value, sort_keys=True).encode(), "sha256").hex()
