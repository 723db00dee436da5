"""Errors and warnings as lines of text, the same on every face."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from semantest_iac.domain.errors import DeploymentError, Fault


def as_lines(error: DeploymentError) -> Iterator[str]:
    """The message, every fault with place and hint, and what to do."""
    yield f"Error: {error.message}"
    yield from fault_lines(error.faults)
    if error.hint:
        yield f"Hint: {error.hint}"


def fault_lines(faults: Iterable[Fault]) -> Iterator[str]:
    """`file:line:column path: message`, and the hint below it."""
    for fault in faults:
        yield f"  {described(fault)}"
        if fault.hint:
            yield f"      {fault.hint}"


def warning_lines(warnings: Iterable[Fault]) -> Iterator[str]:
    """The same for what forbids nothing."""
    for warning in warnings:
        yield f"Warning: {described(warning)}"
        if warning.hint:
            yield f"    {warning.hint}"


def described(fault: Fault) -> str:
    """A fault or warning on one line."""
    place = ":".join(str(part) for part in (fault.file, fault.line, fault.column) if part is not None)
    path = "" if place == f"--{fault.path}" else fault.path  # an option is called as what it says
    head = " ".join(part for part in (place, path) if part)
    return f"{head}: {fault.message}" if head else fault.message
