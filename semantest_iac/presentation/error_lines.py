"""Errors and warnings as lines of text, the same on every face."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from semantest_iac.domain.errors import DeploymentError, Fault


def format_error(error: DeploymentError) -> Iterator[str]:
    """The message, every fault with place and hint, and what to do."""
    yield f"Error: {error.message}"
    yield from format_faults(error.faults)
    if error.hint:
        yield f"Hint: {error.hint}"


def format_faults(faults: Iterable[Fault]) -> Iterator[str]:
    """`file:line:column path: message`, and the hint below it."""
    for fault in faults:
        yield f"  {format_fault(fault)}"
        if fault.hint:
            yield f"      {fault.hint}"


def format_warnings(warnings: Iterable[Fault]) -> Iterator[str]:
    """The same for what forbids nothing."""
    for warning in warnings:
        yield f"Warning: {format_fault(warning)}"
        if warning.hint:
            yield f"    {warning.hint}"


def format_fault(fault: Fault) -> str:
    """A fault or warning on one line."""
    place = ":".join(str(part) for part in (fault.file, fault.line, fault.column) if part is not None)
    path = "" if place == f"--{fault.path}" else fault.path  # an option is called as what it says
    head = " ".join(part for part in (place, path) if part)
    return f"{head}: {fault.message}" if head else fault.message
