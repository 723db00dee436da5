"""What of a resource's properties lets everybody reach data: rows that clouds put together to their tables."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Properties = Mapping[str, Any]

_WEB_PORTS = frozenset({80, 443})
_EVERYWHERE = frozenset({"*", "0.0.0.0/0", "::/0", "internet"})


@dataclass(frozen=True, slots=True)
class Exposure:
    """When a resource of a type lets everybody reach data, and what that means in words.

    A value that is known only after the deployment opens nothing that could be seen.
    """

    is_open: Callable[[Properties], bool]
    meaning: str


def has_value(name: str, *values: Any) -> Callable[[Properties], bool]:
    """Return whether a property has one of these values."""
    return lambda properties: any(properties.get(name) is it or properties.get(name) == it for it in values)


def lacks_any(*names: str) -> Callable[[Properties], bool]:
    """Return whether one of these switches is off, or is not there."""
    return lambda properties: any(properties.get(name) in (None, False) for name in names)


def has_open_policy(properties: Properties) -> bool:
    """Whether the policy allows something to everybody, without a condition. Source: IAM's page on principals."""
    policy = properties.get("policy")
    try:
        document = json.loads(policy) if isinstance(policy, str) else policy
    except ValueError:
        return False
    statements = document.get("Statement", ()) if isinstance(document, Mapping) else ()
    return any(
        statement.get("Effect") == "Allow" and not statement.get("Condition") and _names_everybody(statement)
        for statement in (statements if isinstance(statements, list) else [statements])
        if isinstance(statement, Mapping)
    )


def _names_everybody(statement: Properties) -> bool:
    principal = statement.get("Principal")
    named = principal.get("AWS") if isinstance(principal, Mapping) else principal
    return "*" in (named if isinstance(named, list) else [named])


def opens_group_port(properties: Properties) -> bool:
    """Whether a rule of a security group lets everybody in to another port than those of the web."""
    sources = (properties.get("cidrIpv4"), properties.get("cidrIpv6"))
    if not any(it in _EVERYWHERE for it in sources):
        return False
    first, last = properties.get("fromPort"), properties.get("toPort")
    return first != last or first not in _WEB_PORTS


def opens_subnet_port(properties: Properties) -> bool:
    """Whether a rule of a network security group lets everybody in to another port than those of the web."""
    rules = properties.get("securityRules")
    for rule in rules if isinstance(rules, list) else ():
        if (rule.get("direction"), rule.get("access")) == ("Inbound", "Allow"):
            is_open = any(str(it).lower() in _EVERYWHERE for it in _list_either(rule, "sourceAddressPrefix"))
            ports = {str(it) for it in _list_either(rule, "destinationPortRange")}
            if is_open and not ports <= {str(it) for it in _WEB_PORTS}:
                return True
    return False


def _list_either(rule: Properties, name: str) -> Iterator[Any]:
    """Yield the one value of a property of a rule, or the several of its plural."""
    yield from [rule[name]] if rule.get(name) is not None else ()
    yield from rule.get(f"{name}es" if name.endswith("x") else f"{name}s") or ()


def opens_address_range(properties: Properties) -> bool:
    """Whether a rule of a SQL server lets in more than one address, or every customer of the cloud (0.0.0.0)."""
    first, last = properties.get("startIpAddress"), properties.get("endIpAddress")
    return isinstance(first, str) and isinstance(last, str) and (first != last or first == "0.0.0.0")  # noqa: S104
