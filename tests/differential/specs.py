"""Programs as values: lists of resource specs, which one Pulumi program registers in any engine."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Former:
    """The earlier name and parent (empty: none) of a resource; the alias is its whole URN or only the difference."""

    logical_name: str
    parent: str = ""
    whole: bool = False


@dataclass(frozen=True)
class Options:
    """The resource options; None and empty are not set."""

    protect: bool = False
    retain_on_delete: bool = False
    delete_before_replace: bool | None = None
    ignore_changes: tuple[str, ...] = ()
    replace_on_changes: tuple[str, ...] = ()
    secret_outputs: tuple[str, ...] = ()
    depends_on: tuple[str, ...] = ()
    former: Former | None = None


@dataclass(frozen=True)
class ResourceSpec:
    """One resource; the resource that it `uses`, its parent and its provider are other specs, named by their ids.

    `label` is updated in place, only a replacement changes `shape`. `name_number` is for a physical name (0:
    automatic), `logical_name` is the name in the program. `values` are inputs as JSON that take the place of others.
    """

    id: str
    kind: str
    logical_name: str
    uses: str = ""
    parent: str = ""
    provider: str = ""
    label: int = 0
    name_number: int = 0
    shape: int = 0
    secret: bool = False
    values: tuple[tuple[str, str], ...] = ()
    options: Options = Options()


Program = tuple[ResourceSpec, ...]


def name_programs(programs: Iterable[Program], prefix: str = "s") -> dict[str, Program]:
    """The programs, each under a name of its own."""
    return {f"{prefix}{number}": program for number, program in enumerate(programs)}
