"""Programs as values: lists of pieces, of which one Pulumi program makes resources, whatever engine runs it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Former:
    """What a piece was called and which its parent was (empty: none), told as a whole URN or by what was different."""

    called: str
    parent: str = ""
    whole: bool = False


@dataclass(frozen=True)
class Options:
    """What a piece says about the way to its goal; None and empty mean that it does not speak of it."""

    protect: bool = False
    retain: bool = False
    delete_first: bool | None = None
    ignore: tuple[str, ...] = ()
    replace_on: tuple[str, ...] = ()
    hide: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    former: Former | None = None


@dataclass(frozen=True)
class Piece:
    """One resource; what it `uses`, its parent and its provider are pieces of the same program, told by their ids.

    `label` changes in place, `fixed` is a physical name of its own (0: none), `shape` is what only a replacement
    changes. `called` is its name in the program.
    """

    id: str
    kind: str
    called: str
    uses: str = ""
    parent: str = ""
    provider: str = ""
    label: int = 0
    fixed: int = 0
    shape: int = 0
    secret: bool = False
    options: Options = Options()


Program = tuple[Piece, ...]


def named(programs: Iterable[Program], prefix: str = "s") -> dict[str, Program]:
    """The programs, each under a name of its own."""
    return {f"{prefix}{number}": program for number, program in enumerate(programs)}
