"""Validation rules for the tags of a configuration; paths start at the top of the file."""

from __future__ import annotations

from collections.abc import Iterator

from semantest_iac.domain.environments.configuration import DeploymentConfiguration
from semantest_iac.domain.environments.names import make_printable
from semantest_iac.domain.environments.physical_names import STACK_TAG_NAMES
from semantest_iac.domain.environments.rules.findings import Finding, RuleSubject, TagLimits, refuse
from semantest_iac.domain.security.secret_patterns import looks_secret

_SHOWN_NAME_LENGTH = 40


def check_tags(subject: RuleSubject, configuration: DeploymentConfiguration) -> Iterator[Finding]:
    """Every tag is accepted by the cloud, none has a name of ours, and a resource can have all of them."""
    limits, section = subject.limits.tags, subject.section
    taken = {name.lower(): name for name in (*STACK_TAG_NAMES, *limits.names_in_use)}
    of_component = f"components.{subject.component}.tags"
    for holder, tags in (("tags", configuration.tags), (of_component, section.tags)):
        for name, value in tags.items():
            path = f"{holder}.{make_printable(name)}"
            yield from _check_tag_name(path, name, limits, taken)
            yield from _check_tag_value(path, value, limits)
    merged = {**configuration.tags, **section.tags}
    yield from _check_cases(merged, of_component if section.tags else "tags")
    yield from _check_tag_count(len(merged), of_component if section.tags else "tags", subject)


def _check_tag_count(count: int, path: str, subject: RuleSubject) -> Iterator[Finding]:
    limits, settings = subject.limits.tags, subject.settings
    holder, most, own = "a resource", limits.count, len((*STACK_TAG_NAMES, *limits.names_in_use))
    if limits.count_on_secrets is not None and settings is not None and settings.secret_keys:
        holder, most, own = "a secret", limits.count_on_secrets, len(STACK_TAG_NAMES)
    if count + own > most:
        reason = f"{count} tags; {holder} has {most} at most, and {own} of them are this tool's own"
        yield refuse(path, reason, f"Keep {most - own}.")


def _check_tag_name(path: str, name: str, limits: TagLimits, taken: dict[str, str]) -> Iterator[Finding]:
    shown = make_printable(name, _SHOWN_NAME_LENGTH)
    if own := taken.get(name.lower()):
        yield refuse(path, f"the tag {own} is set by this tool", "Choose another name.")
    elif not name or not name.isprintable() or len(name) > limits.longest_name:
        yield refuse(path, f"the name of a tag has 1 to {limits.longest_name} printable characters, not {len(name)}")
    elif found := limits.refused_in_names.search(name):
        yield refuse(path, f"'{found[0]}' cannot be in the name of a tag", limits.hint)
    elif name.lower().startswith(limits.reserved_prefixes):
        prefixes = " or ".join(f"'{prefix}'" for prefix in limits.reserved_prefixes)
        yield refuse(path, f"'{shown}' is reserved: names of tags cannot start with {prefixes}")


def _check_tag_value(path: str, value: str, limits: TagLimits) -> Iterator[Finding]:
    if len(value) > limits.longest_value or not value.isprintable():
        yield refuse(path, f"the value of a tag has {limits.longest_value} printable characters at most")
    elif found := limits.refused_in_values.search(value):
        yield refuse(path, f"'{found[0]}' cannot be in the value of a tag", limits.hint)
    elif limits.reserves_values and value.lower().startswith(limits.reserved_prefixes):
        yield refuse(path, f"values of tags cannot start with '{limits.reserved_prefixes[0]}'")
    if looks_secret("", value):
        yield refuse(path, "a value that looks like a secret", "Everyone who may list resources reads their tags.")


def _check_cases(tags: dict[str, str], holder: str) -> Iterator[Finding]:
    """Some resources of the clouds do not distinguish names by case."""
    first: dict[str, str] = {}
    for name in tags:
        if (other := first.setdefault(name.lower(), name)) != name:
            reason = f"differs from '{make_printable(other)}' by case only, which clouds take for the same"
            yield refuse(f"{holder}.{make_printable(name)}", reason, "Write the name in one form.")
