"""Makes identifiers and physical names from a seed, so that equal runs make equal ones."""

from __future__ import annotations

import string
import uuid
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any, Final

from semantest_iac.infrastructure.simulated_cloud.schema.properties import Length, NameOrArnLength
from semantest_iac.infrastructure.simulated_cloud.schema.rules import NamingScheme, TypeRule
from semantest_iac.infrastructure.simulated_cloud.schema.values import (
    DEFAULTS_KEY,
    MISSING,
    ResourceProperties,
    is_given_value,
)

_LOWERCASE_DIGITS: Final = string.ascii_lowercase + string.digits
_UPPERCASE_DIGITS: Final = string.ascii_uppercase + string.digits
_LETTERS_DIGITS: Final = string.ascii_letters + string.digits

_IDENTIFIER_SHAPES: Final = {
    "small7": (_LOWERCASE_DIGITS, 7),
    "small10": (_LOWERCASE_DIGITS, 10),
    "large17": (_UPPERCASE_DIGITS, 17),
    "mixed6": (_LETTERS_DIGITS, 6),
    "hex8": (string.hexdigits[:16], 8),
    "hex17": (string.hexdigits[:16], 17),
}


def make_identifiers(seed: str) -> dict[str, str]:
    """Return one identifier of every shape that templates use, a `uuid`, and three `octets` of an address."""
    digest = sha256(seed.encode()).digest()
    drawn = {
        name: _draw_characters(digest, alphabet, length) for name, (alphabet, length) in _IDENTIFIER_SHAPES.items()
    }
    octets = "-".join(str(byte) for byte in digest[:3])
    return {**drawn, "octets": octets, "uuid": str(uuid.UUID(bytes=digest[:16], version=4))}


def hex_suffix(seed: str, length: int = 7) -> str:
    return sha256(seed.encode()).hexdigest()[:length]


def _draw_characters(digest: bytes, alphabet: str, length: int) -> str:
    return "".join(alphabet[byte % len(alphabet)] for byte in digest[:length])


def add_physical_name(
    rule: TypeRule, inputs: ResourceProperties, logical: str, previous: ResourceProperties, seed: str
) -> dict[str, Any]:
    """Add a physical name where none is given: the previous one where the provider keeps it, else a generated one.

    A generated name is listed under DEFAULTS_KEY, which tells it from a name in the program.
    """
    if not rule.name_input or _has_name_or_prefix(rule, inputs):
        return dict(inputs)
    if _keeps_previous_name(rule, previous):
        name, generated = previous[rule.name_input], previous.get(DEFAULTS_KEY)
    else:
        name = _NAME_MAKERS[rule.naming](logical, seed, _name_length_limit(rule)) + rule.name_suffix(inputs)
        generated = None if rule.naming is NamingScheme.COPIED else [rule.name_input]
    return {**inputs, rule.name_input: name} | ({DEFAULTS_KEY: generated} if generated else {})


def name_input_from_prefix(rule: TypeRule, inputs: ResourceProperties, seed: str) -> dict[str, Any]:
    """Return the name that the provider makes of a prefix, or nothing where a name is given."""
    if not rule.name_input or is_given_value(inputs.get(rule.name_input, MISSING)):
        return {}
    prefix = inputs.get(f"{rule.name_input}Prefix", "")
    return {rule.name_input: f"{prefix}{hex_suffix(seed, 26)}{rule.name_suffix(inputs)}"}


def _has_name_or_prefix(rule: TypeRule, inputs: ResourceProperties) -> bool:
    return any(is_given_value(inputs.get(name, MISSING)) for name in (rule.name_input, f"{rule.name_input}Prefix"))


def _keeps_previous_name(rule: TypeRule, previous: ResourceProperties) -> bool:
    """The Terraform bridge drops a name that the program no longer writes; other providers keep it."""
    is_generated = rule.name_input in previous.get(DEFAULTS_KEY, ())
    return is_generated or (
        rule.naming is not NamingScheme.DASHED and is_given_value(previous.get(rule.name_input, MISSING))
    )


def _name_length_limit(rule: TypeRule) -> int:
    bounds = [
        limit.maximum
        for limit in rule.properties[rule.name_input].limits
        if isinstance(limit, Length | NameOrArnLength)
    ]
    return min((bound for bound in bounds if bound), default=255)


_NAME_MAKERS: Final[Mapping[NamingScheme, Callable[[str, str, int], str]]] = {
    NamingScheme.DASHED: lambda logical, seed, longest: f"{logical[: longest - 8]}-{hex_suffix(seed, 7)}",
    NamingScheme.JOINED: lambda logical, seed, _: logical + hex_suffix(seed, 8),
    NamingScheme.UUID: lambda _, seed, __: str(uuid.UUID(hex_suffix(seed, 32))),
    NamingScheme.COPIED: lambda logical, _, __: logical,
}
