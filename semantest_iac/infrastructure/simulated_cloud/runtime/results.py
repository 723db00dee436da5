"""Computes the outputs of a resource, and masks sensitive values before they are stored."""

from __future__ import annotations

import hmac
import json
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any, Final

from semantest_iac.infrastructure.simulated_cloud.schema.equality import are_equal, covers_inputs, with_defaults
from semantest_iac.infrastructure.simulated_cloud.schema.rules import OutputSource, TypeRule, resolve_output
from semantest_iac.infrastructure.simulated_cloud.schema.values import (
    DEFAULTS_KEY,
    MISSING,
    UNKNOWN,
    RequestFacts,
    ResourceProperties,
)


def inputs_with_defaults(rule: TypeRule, inputs: ResourceProperties) -> dict[str, Any]:
    """Return the inputs and their defaults, without DEFAULTS_KEY."""
    properties = {name: value for name, value in inputs.items() if name != DEFAULTS_KEY}
    return with_defaults(rule.properties, properties)


def compute_outputs_and_facts(
    sources: Mapping[str, OutputSource], known: ResourceProperties, facts: RequestFacts
) -> dict[str, Any]:
    """Compute outputs in the order of the table and add them to the facts; known values of the same name are kept."""
    outputs: dict[str, Any] = {}
    for name, source in sources.items():
        if name not in known:
            outputs[name] = facts[name] = resolve_output(source, facts)
    return outputs


def preview_create_outputs(rule: TypeRule, inputs: ResourceProperties, facts: RequestFacts) -> dict[str, Any]:
    """Return the outputs of a create before it runs; what only the cloud can compute is UNKNOWN."""
    known = inputs_with_defaults(rule, inputs)
    planned = compute_outputs_and_facts(rule.planned, known, RequestFacts(facts | known))
    chosen = (*rule.computed, rule.name_input) if rule.name_input else rule.computed
    return {**dict.fromkeys(chosen, UNKNOWN), **planned, **known, **_preview_rendered_outputs(rule, known, {})}


def preview_update_outputs(
    rule: TypeRule, old: ResourceProperties, inputs: ResourceProperties, facts: RequestFacts
) -> dict[str, Any]:
    """Return the outputs of an update before it runs; what it recomputes is UNKNOWN."""
    known = inputs_with_defaults(rule, inputs)
    planned = compute_outputs_and_facts(rule.planned, known, RequestFacts(facts | known))
    recomputed = dict.fromkeys(find_recomputed_outputs(rule, old, known), UNKNOWN)
    return {
        **keep_computed_outputs(rule, old),
        **recomputed,
        **planned,
        **known,
        **_preview_rendered_outputs(rule, known, old),
    }


def compute_update_outputs(
    rule: TypeRule, old: ResourceProperties, known: ResourceProperties, recomputed: set[str], facts: RequestFacts
) -> dict[str, Any]:
    """Return the outputs of an update: those that it does not recompute keep their old values."""
    new = compute_create_outputs(rule, known, facts)
    kept = {name: value for name, value in keep_computed_outputs(rule, old).items() if name not in recomputed}
    return {**new, **kept, **known, **_render_outputs(rule, known, facts)}


def compute_create_outputs(rule: TypeRule, known: ResourceProperties, facts: RequestFacts) -> dict[str, Any]:
    """Return all outputs; the facts must contain every name that the templates of the type use."""
    outputs = {
        **compute_outputs_and_facts(rule.planned, known, facts),
        **compute_outputs_and_facts(rule.computed, known, facts),
    }
    return {**outputs, **known, **_render_outputs(rule, known, facts)}


def _render_outputs(rule: TypeRule, known: ResourceProperties, facts: RequestFacts) -> dict[str, Any]:
    return {name: resolve_output(source, facts) for name, source in rule.rendered.items() if name in known}


def _preview_rendered_outputs(rule: TypeRule, known: ResourceProperties, old: ResourceProperties) -> dict[str, Any]:
    """Return rendered outputs before an apply: the old ones where they already contain the inputs, else UNKNOWN."""
    names = rule.rendered.keys() & known.keys()
    unchanged = {name for name in names & old.keys() if covers_inputs(rule.properties[name], old[name], known[name])}
    return {name: old[name] if name in unchanged else UNKNOWN for name in names}


def keep_computed_outputs(rule: TypeRule, old: ResourceProperties) -> dict[str, Any]:
    """Return those of the old outputs that the cloud or the provider chose."""
    return {name: old[name] for name in (*rule.computed, rule.name_input) if name in old}


def find_recomputed_outputs(rule: TypeRule, old: ResourceProperties, new: ResourceProperties) -> set[str]:
    return {
        output
        for group in rule.recomputed
        if (not group.only_if or new.get(group.only_if)) and _any_changed(rule, group.causes, old, new)
        for output in group.outputs
    }


def _any_changed(rule: TypeRule, names: Iterable[str], old: ResourceProperties, new: ResourceProperties) -> bool:
    known = [name for name in names if name in rule.properties]
    return any(_is_changed(rule, name, old.get(name, MISSING), new.get(name, MISSING)) for name in known)


def _is_changed(rule: TypeRule, name: str, old: Any, new: Any) -> bool:
    known = rule.properties[name]
    if known.computed_default and new is MISSING:
        return False
    return not (covers_inputs(known, old, new) if name in rule.rendered else are_equal(known, old, new))


_MASK_PREFIX: Final = "sealed:"  # stays: existing inventories hold it


def mask_sensitive(rule: TypeRule, values: ResourceProperties, key: bytes) -> dict[str, Any]:
    """Return the values with a keyed fingerprint in place of each sensitive one; a fingerprint still shows changes."""
    sensitive = _sensitive_names(rule) & values.keys()
    return {name: _fingerprint(value, key) if name in sensitive else value for name, value in values.items()}


def mask_sensitive_outputs(rule: TypeRule, outputs: ResourceProperties, key: bytes) -> dict[str, Any]:
    """Mask outputs; one that the cloud renders is what it reports, and no cloud reports a secret that it was given."""
    rendered = {name: value for name, value in outputs.items() if name in rule.rendered}
    return {**mask_sensitive(rule, outputs, key), **rendered}


def unmask_sensitive(
    rule: TypeRule, stored: ResourceProperties, state: ResourceProperties, key: bytes
) -> dict[str, Any]:
    """Return the stored values with the caller's own values in place of their fingerprints.

    A value that the caller does not know is left out. Where the caller knows another value, the fingerprint stays and
    shows as a change.
    """
    values = dict(stored)
    for name in filter(partial(_is_masked, stored), _sensitive_names(rule)):
        if name not in state:
            del values[name]
        elif _fingerprint(state[name], key) == stored[name]:
            values[name] = state[name]
    return values


def _sensitive_names(rule: TypeRule) -> set[str]:
    return {name for name, known in rule.properties.items() if known.sensitive}


def _is_masked(stored: ResourceProperties, name: str) -> bool:
    return str(stored.get(name, "")).startswith(_MASK_PREFIX)


def _fingerprint(value: Any, key: bytes) -> str:
    if isinstance(value, str) and value.startswith(_MASK_PREFIX):
        return value
    return _MASK_PREFIX + hmac.digest(key, json.dumps(value, sort_keys=True).encode(), "sha256").hex()
