"""Elements of API Management's policies, of which documents are made."""

from __future__ import annotations

from collections.abc import Iterable
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from semantest_iac.domain.environments.settings import Authorizer, Cors

# Source: Microsoft's policy sample "Add a forwarded header", for apps that build addresses of their own.
ORIGINAL_HOST_HEADER, ORIGINAL_HOST = "x-forwarded-host", "@(context.Request.OriginalUrl.Host)"


def render_policy(root: Element) -> str:
    """Return the document as text, one element a line."""
    indent(root)
    return tostring(root, encoding="unicode")


def add_section(root: Element, name: str) -> Element:
    """Add a section that starts with the policy of the scope above."""
    section = SubElement(root, name)
    SubElement(section, "base")
    return section


def add_list(parent: Element, name: str, item: str, values: Iterable[str]) -> Element:
    """Add an element with an item for each value."""
    element = SubElement(parent, name)
    for value in values:
        SubElement(element, item).text = value
    return element


def add_cors(inbound: Element, cors: Cors) -> None:
    """Add the origins that may call, which also answers what browsers ask before a call."""
    policy = SubElement(inbound, "cors", {"allow-credentials": str(cors.credentials).lower()})
    add_list(policy, "allowed-origins", "origin", cors.origins)
    methods = add_list(policy, "allowed-methods", "method", cors.methods)
    if cors.max_age >= 0:
        methods.set("preflight-result-max-age", str(cors.max_age))
    add_list(policy, "allowed-headers", "header", cors.headers)


def add_token_check(parent: Element, jwt: Authorizer) -> None:
    """Add the check of a token, with the keys of its issuer."""
    check = SubElement(
        parent,
        "validate-jwt",
        {"header-name": jwt.header, "failed-validation-httpcode": "401", "require-scheme": "Bearer"},
    )
    SubElement(check, "openid-config", url=f"{jwt.issuer.rstrip('/')}/.well-known/openid-configuration")
    add_list(check, "audiences", "audience", jwt.audience)
    add_list(check, "issuers", "issuer", (jwt.issuer,))


def add_header(parent: Element, name: str, value: str) -> None:
    """Add what sets a header in place of one that is there."""
    header = SubElement(parent, "set-header", {"name": name, "exists-action": "override"})
    SubElement(header, "value").text = value


def remove_header(parent: Element, name: str) -> None:
    """Add what removes a header."""
    SubElement(parent, "set-header", {"name": name, "exists-action": "delete"})


def remove_parameter(parent: Element, name: str) -> None:
    """Add what removes a parameter of the query."""
    SubElement(parent, "set-query-parameter", {"name": name, "exists-action": "delete"})
