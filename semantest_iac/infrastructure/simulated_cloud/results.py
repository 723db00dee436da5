"""The outputs of a resource: what was asked, what the provider assumes, and what the cloud makes of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from semantest_iac.infrastructure.simulated_cloud.properties import Property
from semantest_iac.infrastructure.simulated_cloud.rules import Source, TypeRule, told
from semantest_iac.infrastructure.simulated_cloud.sameness import covers, filled, same
from semantest_iac.infrastructure.simulated_cloud.values import (
    DEFAULTS_MARK,
    MISSING,
    UNKNOWN,
    Facts,
    Properties,
)


def asked(rule: TypeRule, inputs: Properties) -> dict[str, Any]:
    """Inputs and defaults, without the marks of the bridge."""
    ours = {name: value for name, value in inputs.items() if name != DEFAULTS_MARK}
    return filled(rule.properties, ours)


def worked_out(sources: Mapping[str, Source], known: Properties, facts: Facts) -> dict[str, Any]:
    """Outputs in the order of the table; each may use the ones before it. An input of the same name stands."""
    made: dict[str, Any] = {}
    for name, source in sources.items():
        if name not in known:
            made[name] = facts[name] = told(source, facts)
    return made


def in_preview(rule: TypeRule, inputs: Properties, facts: Facts) -> dict[str, Any]:
    """What a create is known to give before it is done; what only the cloud can say is UNKNOWN."""
    known = asked(rule, inputs)
    planned = worked_out(rule.planned, known, Facts(facts | known))
    chosen = (*rule.computed, rule.name) if rule.name else rule.computed
    return {**dict.fromkeys(chosen, UNKNOWN), **planned, **known, **_foreseen(rule, known, {})}


def in_update_preview(rule: TypeRule, old: Properties, inputs: Properties, facts: Facts) -> dict[str, Any]:
    """What an update is known to give before it is done; what it makes anew is UNKNOWN."""
    known = asked(rule, inputs)
    planned = worked_out(rule.planned, known, Facts(facts | known))
    anew = dict.fromkeys(renewed(rule, old, known), UNKNOWN)
    return {**chosen_before(rule, old), **anew, **planned, **known, **_foreseen(rule, known, old)}


def after_update(rule: TypeRule, old: Properties, known: Properties, anew: set[str], facts: Facts) -> dict[str, Any]:
    """What an update gives: outputs that are not made anew stay as they were."""
    made = in_full(rule, known, facts)
    kept = {name: value for name, value in chosen_before(rule, old).items() if name not in anew}
    return {**made, **kept, **known, **_rendered(rule, known, facts)}


def in_full(rule: TypeRule, known: Properties, facts: Facts) -> dict[str, Any]:
    """All outputs; the facts must hold everything that the templates of the type name."""
    made = {**worked_out(rule.planned, known, facts), **worked_out(rule.computed, known, facts)}
    return {**made, **known, **_rendered(rule, known, facts)}


def _rendered(rule: TypeRule, known: Properties, facts: Facts) -> dict[str, Any]:
    return {name: told(source, facts) for name, source in rule.rendered.items() if name in known}


def _foreseen(rule: TypeRule, known: Properties, old: Properties) -> dict[str, Any]:
    """Rendered outputs before an apply: the old ones where nothing of the inputs is new to them."""
    names = rule.rendered.keys() & known.keys()
    settled = {name for name in names & old.keys() if covers(rule.properties[name], old[name], known[name])}
    return {name: old[name] if name in settled else UNKNOWN for name in names}


def chosen_before(rule: TypeRule, old: Properties) -> dict[str, Any]:
    """Of old outputs, those that the cloud or the provider chose."""
    return {name: old[name] for name in (*rule.computed, rule.name) if name in old}


def renewed(rule: TypeRule, old: Properties, new: Properties) -> set[str]:
    """The outputs that the update from old to new values makes anew."""
    return {
        output
        for renewal in rule.renewals
        if (not renewal.only_if or new.get(renewal.only_if)) and _any_changed(rule.properties, renewal.causes, old, new)
        for output in renewal.outputs
    }


def _any_changed(known: Mapping[str, Property], names: Iterable[str], old: Properties, new: Properties) -> bool:
    return any(_changed(known[name], old.get(name, MISSING), new.get(name, MISSING)) for name in names if name in known)


def _changed(known: Property, old: Any, new: Any) -> bool:
    return not (known.settled and new is MISSING) and not same(known, old, new)
