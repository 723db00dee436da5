"""Formats errors and warnings as lines of text, for the command line and for Pulumi."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from semantest_iac.domain.errors import DeploymentError, Fault

_OPTION_PATHS = {"--env": "environment"}
"""Options whose name is not that of the value; neither is shown twice, as in `--region region`."""


def format_error(error: DeploymentError) -> Iterator[str]:
    """Yield the message, every fault with its location and hint, and the hint of the error."""
    yield f"Error: {error.message}"
    yield from format_faults(error.faults)
    if error.hint:
        yield f"Hint: {error.hint}"


def format_faults(faults: Iterable[Fault]) -> Iterator[str]:
    """Yield `file:line:column path: message` for each fault, with its hint below."""
    for fault in faults:
        yield f"  {format_fault(fault)}"
        if fault.hint:
            yield f"      {fault.hint}"


def format_warnings(warnings: Iterable[Fault]) -> Iterator[str]:
    for warning in warnings:
        yield f"Warning: {format_fault(warning)}"
        if warning.hint:
            yield f"    {warning.hint}"


def format_fault(fault: Fault) -> str:
    location = ":".join(str(part) for part in (fault.file, fault.line, fault.column) if part is not None)
    path = "" if fault.path in (location, _OPTION_PATHS.get(location, location.removeprefix("--"))) else fault.path
    head = " ".join(part for part in (location, path) if part)
    return f"{head}: {fault.message}" if head else fault.message
