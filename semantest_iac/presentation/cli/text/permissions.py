"""Words the rights that deployments need and that functions get."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from semantest_iac.domain.security.permissions import Permission, PermissionComparison, RunGrant, StackPermissions
from semantest_iac.presentation.cli.tables import wrap_after

_INDENT = "    "


def format_permissions(found: StackPermissions, width: int | None) -> Iterator[str]:
    """Return the deploy role by resources, then what each identity of the stack may do."""
    yield f"{found.stack}"
    yield "  To deploy and destroy it, a role needs:"
    yield from _format_list(found.deploy, width)
    if found.unscoped:
        yield "  The cloud limits no action of the last group to resources."
    if found.built_in_roles:
        covered = ", ".join(f"{role} ({count})" for role, count in found.built_in_roles)
        yield from wrap_after("  Built-in roles that cover it, with the number of actions: ", covered, width)
    yield "  What it creates may do:" if found.grants else "  It creates no identity."
    for grant in found.grants:
        yield from _format_grant(grant, width)
    if found.unused:
        yield "  Not used by any feature of the component:"
        for grant in found.unused:
            what = f"{', '.join(grant.permission.actions)} of {grant.identity}"
            yield from wrap_after(f"{_INDENT}- ", f"{what}{f': {grant.note}' if grant.note else ''}", width)


def format_comparison(compared: PermissionComparison, width: int | None) -> Iterator[str]:
    """Return what is missing, what is not needed, and what is wider than needed."""
    yield "  Missing:" if compared.missing else "  Nothing is missing."
    yield from _format_list(compared.missing, width)
    for title, patterns in (("Granted and not needed", compared.unused), ("Wider than needed", compared.wider)):
        if patterns:
            yield from wrap_after(f"  {title}: ", ", ".join(patterns), width)


def _format_list(permissions: Iterable[Permission], width: int | None) -> Iterator[str]:
    for permission in permissions:
        yield from wrap_after(_INDENT, ", ".join(permission.actions), width)
        for resource in permission.resources:
            yield f"{_INDENT}  on {resource}"


def _format_grant(grant: RunGrant, width: int | None) -> Iterator[str]:
    used = f"for {grant.used_by}" if grant.used_by else "used by no feature"
    yield from wrap_after(f"{_INDENT}{grant.identity}: ", f"{', '.join(grant.permission.actions)} ({used})", width)
    for resource in grant.permission.resources:
        yield f"{_INDENT}  on {resource}"
