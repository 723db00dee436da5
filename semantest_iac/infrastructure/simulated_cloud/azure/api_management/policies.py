"""What API Management refuses of a policy document.

Source: the reference of each policy in Azure's documentation (statement, attributes, usage); the form of the refusal is
that of Azure/apiops, issue 565.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final
from xml.etree.ElementTree import Element, ParseError, fromstring

from semantest_iac.infrastructure.simulated_cloud.schema.properties import DOC
from semantest_iac.infrastructure.simulated_cloud.schema.refusals import Refusal
from semantest_iac.infrastructure.simulated_cloud.schema.rules import GuardContext, RequestGuard

BACKEND_TYPE: Final = "azure-native:apimanagement:Backend"
NAMED_VALUE_TYPE: Final = "azure-native:apimanagement:NamedValue"

_SECTIONS: Final = ("inbound", "backend", "outbound", "on-error")
_IN, _OUT = ("inbound",), ("outbound",)
_LONGEST_RATE_S: Final = 300
_LEAST_QUOTA_S: Final = 300
_NAMED_VALUE: Final = re.compile(r"\{\{([A-Za-z0-9._-]{1,256})\}\}")


@dataclass(frozen=True, slots=True)
class _Statement:
    """Where a statement may stand, the attributes that it needs and may have, and the elements in it.

    `elements` are by name, each with whether it is needed; a statement whose `elements` are None holds statements.
    """

    sections: tuple[str, ...] = _SECTIONS
    needed: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    elements: Mapping[str, bool] | None = field(default_factory=dict)
    scopes: tuple[str, ...] = ("global", "product", "api", "operation")


_COUNTER_VARIABLES: Final = (
    *("retry-after-header-name", "retry-after-variable-name", "remaining-calls-header-name"),
    *("remaining-calls-variable-name", "total-calls-header-name"),
)
_STATEMENTS: Final[Mapping[str, _Statement]] = {
    "base": _Statement(scopes=("product", "api", "operation")),
    "cache-lookup": _Statement(
        _IN,
        ("vary-by-developer", "vary-by-developer-groups"),
        ("caching-type", "downstream-caching-type", "must-revalidate", "allow-private-response-caching"),
        {"vary-by-header": False, "vary-by-query-parameter": False},
    ),
    "cache-store": _Statement(_OUT, ("duration",), ("cache-response",)),
    "choose": _Statement(elements={"when": True, "otherwise": False}),
    "cors": _Statement(
        _IN,
        (),
        ("allow-credentials", "terminate-unmatched-request"),
        {"allowed-origins": True, "allowed-methods": False, "allowed-headers": False, "expose-headers": False},
    ),
    "forward-request": _Statement(
        ("backend",),
        (),
        (
            *("timeout", "timeout-ms", "follow-redirects", "buffer-request-body", "buffer-response"),
            "fail-on-error-status-code",
        ),
    ),
    "ip-filter": _Statement(_IN, ("action",), (), {"address": False, "address-range": False}),
    "quota": _Statement(
        _IN, ("renewal-period",), ("calls", "bandwidth", "counter-key"), {"api": False}, scopes=("product",)
    ),
    "rate-limit": _Statement(
        _IN, ("calls", "renewal-period"), _COUNTER_VARIABLES, {"api": False}, scopes=("product", "api", "operation")
    ),
    "rate-limit-by-key": _Statement(
        _IN,
        ("calls", "renewal-period", "counter-key"),
        ("increment-condition", "increment-count", *_COUNTER_VARIABLES),
    ),
    "return-response": _Statement(optional=("response-variable-name",), elements=None),
    "set-backend-service": _Statement(("inbound", "backend"), (), ("backend-id", "base-url")),
    "set-header": _Statement(needed=("name",), optional=("exists-action",), elements={"value": False}),
    "set-query-parameter": _Statement(
        ("inbound", "backend"), needed=("name",), optional=("exists-action",), elements={"value": False}
    ),
    "set-status": _Statement(needed=("code",), optional=("reason",)),
    "validate-jwt": _Statement(
        _IN,
        (),
        (
            *("header-name", "query-parameter-name", "token-value", "failed-validation-httpcode"),
            *("failed-validation-error-message", "require-expiration-time", "require-scheme", "require-signed-tokens"),
            *("clock-skew", "output-token-variable-name"),
        ),
        {
            **dict.fromkeys(("openid-config", "issuer-signing-keys", "decryption-keys", "audiences"), False),
            **dict.fromkeys(("issuers", "required-claims"), False),
        },
    ),
}
_NOT_ON_CONSUMPTION: Final = frozenset({"rate-limit-by-key", "quota-by-key", "cache-lookup", "cache-store"})
"""The statements that the Consumption tier does not have without a cache of the user's own, or at all."""


def find_policy_fault(text: str, scope: str, *, is_consumption: bool = False) -> str:
    """Return what is wrong with a document; empty for a valid one."""
    try:
        root = fromstring(text)  # noqa: S314 - Python's parser resolves no external entities, and the text is ours
    except ParseError as error:
        return f"The policy is no XML: {error}."
    if root.tag != "policies":
        return f"Error in element '{root.tag}': the root element is 'policies'."
    lacking = [it.tag for it in root.iter() if is_consumption and it.tag in _NOT_ON_CONSUMPTION]
    faults = (
        *_find_section_faults(root, scope),
        *(f"Error in element '{name}': the Consumption tier does not have it." for name in lacking),
    )
    return faults[0] if faults else ""


def _find_section_faults(root: Element, scope: str) -> Iterator[str]:
    names = [section.tag for section in root]
    for name in names:
        if name not in _SECTIONS or names.count(name) > 1:
            yield f"Error in element '{name}': 'policies' has each of {', '.join(_SECTIONS)} once."
    for section in root:
        yield from _find_statement_faults(section, section.tag, scope)


def _find_statement_faults(parent: Element, section: str, scope: str) -> Iterator[str]:
    for element in parent:
        statement = _STATEMENTS.get(element.tag)
        where = f"Error in element '{element.tag}'"
        if statement is None:
            yield f"{where}: there is no such policy statement."
            continue
        if section not in statement.sections:
            yield f"{where}: it is not allowed in the section '{section}'."
        if scope not in statement.scopes:
            yield f"{where}: it is not allowed in the scope '{scope}'."
        yield from (f"{where}: {reason}" for reason in _find_faults_of(element, statement))
        if statement.elements is None:
            yield from _find_statement_faults(element, section, scope)
        for branch in element.findall("when") + element.findall("otherwise"):
            if branch.tag == "when" and not _is_expression(branch.get("condition", "")):
                yield "Error in element 'when': its condition is an expression."
            yield from _find_statement_faults(branch, section, scope)


def _is_expression(text: str) -> bool:
    return (text.startswith("@(") and text.endswith(")")) or (text.startswith("@{") and text.endswith("}"))


def _find_faults_of(element: Element, statement: _Statement) -> Iterator[str]:
    given = set(element.attrib)
    if missing := [name for name in statement.needed if name not in given]:
        yield f"the attribute '{missing[0]}' is missing."
    if unknown := sorted(given - {*statement.needed, *statement.optional}):
        yield f"there is no attribute '{unknown[0]}'."
    if statement.elements is not None:
        found = [child.tag for child in element]
        if strange := [name for name in found if name not in statement.elements]:
            yield f"there is no element '{strange[0]}' in it."
        if absent := [name for name, is_needed in statement.elements.items() if is_needed and name not in found]:
            yield f"the element '{absent[0]}' is missing."
    yield from _find_value_faults(element)


def _find_value_faults(element: Element) -> Iterator[str]:
    check = _VALUE_CHECKS.get(element.tag)
    if check is not None and (reason := check(element)):
        yield reason


def _is_whole(text: str | None, least: int, most: int | None = None) -> bool:
    if text is None or not text.isdecimal():
        return False
    return least <= int(text) and (most is None or int(text) <= most)


def _check_rate(element: Element) -> str:
    if not _is_whole(element.get("calls"), 1):
        return "'calls' must be a whole number above 0."
    within = _is_whole(element.get("renewal-period"), 1, _LONGEST_RATE_S)
    return "" if within else f"'renewal-period' must be 1 to {_LONGEST_RATE_S} seconds."


def _check_quota(element: Element) -> str:
    if element.get("calls") is None and element.get("bandwidth") is None:
        return "'calls' or 'bandwidth' is missing."
    period = element.get("renewal-period")
    valid = period == "0" or _is_whole(period, _LEAST_QUOTA_S)
    return "" if valid else f"'renewal-period' must be 0, or at least {_LEAST_QUOTA_S} seconds."


def _check_changed_value(element: Element) -> str:
    action = element.get("exists-action", "override")
    if action not in ("override", "skip", "append", "delete"):
        return f"'{action}' is no exists-action."
    has_value = element.find("value") is not None
    return "" if has_value or action == "delete" else "the element 'value' is missing."


def _check_addresses(element: Element) -> str:
    if element.get("action") not in ("allow", "forbid"):
        return "'action' must be allow or forbid."
    ranges = element.findall("address-range")
    if any({*it.attrib} != {"from", "to"} for it in ranges):
        return "an address-range has 'from' and 'to'."
    return "" if len(element) else "there is no address."


def _check_token(element: Element) -> str:
    places = {"header-name", "query-parameter-name", "token-value"} & {*element.attrib}
    return "" if len(places) == 1 else "one of 'header-name', 'query-parameter-name' and 'token-value' is needed."


_VALUE_CHECKS: Final[Mapping[str, Callable[[Element], str]]] = {
    "cache-store": lambda it: "" if _is_whole(it.get("duration"), 1) else "'duration' must be a whole number.",
    "ip-filter": _check_addresses,
    "quota": _check_quota,
    "rate-limit": _check_rate,
    "rate-limit-by-key": _check_rate,
    "set-backend-service": lambda it: "" if it.attrib else "'backend-id' or 'base-url' is missing.",
    "set-header": _check_changed_value,
    "set-query-parameter": _check_changed_value,
    "set-status": lambda it: "" if _is_whole(it.get("code"), 100, 599) else "'code' must be a status.",
    "validate-jwt": _check_token,
}


def policy_guards(scope: str) -> tuple[RequestGuard, ...]:
    """Return the guards of a policy of a scope: the document is valid, and what it names is in the service."""

    def has_fault(context: GuardContext) -> bool:
        sku = ((context.facts["service"] or {}).get("sku") or {}).get("name") if context.facts["service"] else ""
        fault = find_policy_fault(context.facts["value"], scope, is_consumption=sku == "Consumption")
        fault = fault or _find_missing_part(context)
        context.facts["policyFault"] = fault
        return bool(fault)

    message = "One or more fields contain incorrect values: {policyFault}"
    return (RequestGuard(has_fault, Refusal("ValidationError", message), DOC),)


def _find_missing_part(context: GuardContext) -> str:
    """Return the backend or the named value that a policy names and the service does not have."""
    text = context.facts["value"]
    backends = _list_in_service(context, BACKEND_TYPE, "name")
    for element in fromstring(text).iter("set-backend-service"):  # noqa: S314 - as above
        name = element.get("backend-id", "")
        if name and not _is_expression(name) and name not in backends:
            return f"Error in element 'set-backend-service': Backend with id '{name}' could not be found."
    named = _list_in_service(context, NAMED_VALUE_TYPE, "displayName")
    missing = next((name for name in _NAMED_VALUE.findall(text) if name not in named), None)
    return f"Cannot find a property '{missing}'" if missing else ""


def _list_in_service(context: GuardContext, type_: str, key: str) -> set[str]:
    service = f"/service/{context.facts['serviceName']}/"
    return {str(it.get(key)) for it in context.resources_of(type_) if service in str(it.get("id"))}
