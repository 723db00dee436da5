"""Programs and the edits that follow them, drawn by hypothesis: the same seed gives the same sequences."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from hypothesis.internal.conjecture.providers import AVAILABLE_PROVIDERS, HypothesisProvider

from semantest_iac.infrastructure.simulated_cloud.runtime.faults import FaultEffect, ScriptedFault
from tests.differential import azure_kinds
from tests.differential.pieces import Former, Options, Piece, Program
from tests.differential.playing import KINDS

_IDS = "abcde"
_OFTEN = 4  # times as likely as others are kinds that use what is there, and again those that use one of these
_TRIES = 2  # hypothesis likes to repeat itself
_LABELS = st.integers(0, 2)
_ROOTS = sorted(kind for kind, about in KINDS.items() if not about.uses)
_STRUCK = sorted(kind for kind, about in KINDS.items() if about.named)
_EFFECTS = st.sampled_from(
    [FaultEffect.REFUSE, FaultEffect.THROTTLE, FaultEffect.PARTIAL, FaultEffect.CREATED_BUT_TIMEOUT]
)
_OPERATIONS = st.sampled_from(["create", "update", "delete"])


@dataclass(frozen=True)
class Step:
    """One update: the program as it then is, and the fault that it meets."""

    program: Program
    fault: ScriptedFault | None = None


Edits = tuple[Step, ...]
Draw = st.DrawFn
_Edit = Callable[[Draw, Piece, Program], Piece | None]


class _Steady(HypothesisProvider):
    """Draws alike whichever modules are loaded: hypothesis likes the numbers that it finds in them."""

    def _maybe_draw_constant(self, *_: Any, **__: Any) -> None:
        return None


AVAILABLE_PROVIDERS["steady"] = _Steady


@cache
def generated(count: int, seed_: int, *, faulty: bool = False) -> list[Edits]:
    """So many different sequences; each of the faulty ones meets one fault, and the same program again after it."""
    found: dict[Edits, None] = {}

    @seed(seed_)
    @settings(
        backend="steady",
        max_examples=_TRIES * count,
        phases=[Phase.generate],
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(_faulty_sequences() if faulty else _sequences())
    def collect(sequence: Edits) -> None:
        found[sequence] = None

    collect()
    if len(found) < count:
        raise AssertionError(f"of {_TRIES * count} sequences only {len(found)} are different")
    return list(found)[:count]


@st.composite
def _sequences(draw: Draw) -> Edits:
    """A program and one or two that follow from it by edits; the last one protects nothing, so that it can go."""
    steps = [Step(draw(_programs()))]
    for _ in range(draw(st.integers(1, 2))):
        steps.append(Step(_edited(draw, steps[-1].program)))
    return *steps[:-1], Step(tuple(map(_unprotected, steps[-1].program)))


@st.composite
def _faulty_sequences(draw: Draw) -> Edits:
    """The fault is met by the first program or by the edited one."""
    first = Step((draw(_piece("a", (), _STRUCK)), *draw(_programs(tuple("bcd")))))
    second = Step(_edited(draw, first.program))
    if draw(st.booleans()):
        return replace(first, fault=_fault(draw, first.program, "create")), first, second
    return first, replace(second, fault=_fault(draw, first.program, draw(_OPERATIONS))), second


def _fault(draw: Draw, program: Program, operation: str) -> ScriptedFault:
    """One that strikes a piece, which its cloud knows by a name with the piece's id in it."""
    struck = draw(st.sampled_from([piece.id for piece in program if piece.kind in _STRUCK]))
    return ScriptedFault(draw(_EFFECTS), operation=operation, name=f"*s0-{struck}*")


def chained(sequence: Edits) -> Edits:
    """The same with each piece waiting for all before it, so that any engine takes them in one order."""
    return tuple(replace(step, program=tuple(_waiting(step.program))) for step in sequence)


def _waiting(program: Program) -> Iterator[Piece]:
    before: tuple[str, ...] = ()
    for piece in program:
        yield replace(piece, options=replace(piece.options, needs=before))
        before += () if KINDS[piece.kind].local else (piece.id,)


@st.composite
def _programs(draw: Draw, ids: Sequence[str] = _IDS) -> Program:
    pieces: list[Piece] = []
    for id_ in ids[: draw(st.integers(1, len(ids)))]:
        pieces.append(draw(_piece(id_, tuple(pieces))))
    return tuple(pieces)


@st.composite
def _piece(draw: Draw, id_: str, before: Program, roots: Sequence[str] = _ROOTS) -> Piece:
    """A piece of any kind that finds among those before it what it uses."""
    there = {piece.kind for piece in before}
    fitting = [name for name, about in KINDS.items() if about.uses in there for _ in range(_OFTEN ** _depth(name))]
    kind = draw(st.sampled_from([*roots, *fitting]))
    used = [piece.id for piece in before if piece.kind == KINDS[kind].uses]
    uses = draw(st.sampled_from(used)) if used else ""
    drawn = Piece(
        id=id_,
        kind=kind,
        called=id_,
        uses=uses,
        parent=draw(st.sampled_from(["", *_all(before, "group")])),
        provider=_provider(draw, kind, uses, before),
        label=draw(_LABELS),
        fixed=draw(st.integers(0, 2)),
        shape=draw(_LABELS),
        secret=draw(_RARELY),
    )
    return replace(drawn, options=_options(draw, drawn, before))


def _depth(kind: str) -> int:
    return 1 + _depth(KINDS[kind].uses) if KINDS[kind].uses else 0


def _all(program: Program, kind: str) -> list[str]:
    return [piece.id for piece in program if piece.kind == kind]


def _provider(draw: Draw, kind: str, uses: str, before: Program) -> str:
    """That of the piece which it uses, as only resources of one region find each other."""
    if KINDS[kind].local or kind in azure_kinds.KINDS:
        return ""
    its = [piece.provider for piece in before if piece.id == uses]
    return its[0] if its else draw(st.sampled_from(["", *_all(before, "provider")]))


_RARELY = st.sampled_from([False, False, False, True])
_HARDLY_EVER = st.sampled_from([*[False] * 19, True])


def _options(draw: Draw, piece: Piece, before: Program) -> Options:
    kind = KINDS[piece.kind]
    others = [
        other.id for other in before if not KINDS[other.kind].local
    ]  # a group's own children would wait for themselves
    if piece.kind == "look":
        return Options()
    return Options(
        protect=draw(_HARDLY_EVER),
        retain=draw(_HARDLY_EVER),
        delete_first=draw(st.sampled_from([None, None, None, True, False])),
        ignore=_some(draw, kind.paths),
        replace_on=_some(draw, kind.paths),
        hide=_some(draw, kind.outputs),
        needs=_some(draw, tuple(others)),
    )


def _some(draw: Draw, names: tuple[str, ...]) -> tuple[str, ...]:
    return (draw(st.sampled_from(names)),) if draw(_RARELY) and names else ()


def _edited(draw: Draw, program: Program) -> Program:
    """The program after one edit of each piece; what uses a removed piece goes with it, and often new ones come."""
    pieces: list[Piece] = []
    for piece in program:
        edited = draw(st.sampled_from(_EDITS))(draw, piece, tuple(pieces))
        if edited and _stands(edited, pieces):
            pieces.append(edited)
    free = sorted(set(_IDS) - {piece.id for piece in program})
    if draw(st.booleans()) and free:
        pieces.append(draw(_piece(free[0], tuple(pieces))))
    return tuple(pieces)


def _stands(piece: Piece, before: list[Piece]) -> bool:
    there = {"", *(other.id for other in before)}
    return {piece.uses, piece.parent, piece.provider} <= there


def _left(_draw: Draw, piece: Piece, _before: Program) -> Piece:
    return piece


def _changed(draw: Draw, piece: Piece, _before: Program) -> Piece:
    return replace(piece, label=draw(_LABELS))


def _reshaped(draw: Draw, piece: Piece, _before: Program) -> Piece:
    return replace(piece, shape=draw(_LABELS))


def _given_another_name(draw: Draw, piece: Piece, _before: Program) -> Piece:
    return replace(piece, fixed=draw(_LABELS))


def _renamed(draw: Draw, piece: Piece, _before: Program) -> Piece:
    called = piece.id + draw(st.sampled_from("xyz"))
    return replace(piece, called=called, options=replace(piece.options, former=_former(draw, piece)))


def _moved(draw: Draw, piece: Piece, before: Program) -> Piece:
    parent = draw(st.sampled_from(["", *_all(before, "group")]))
    return replace(piece, parent=parent, options=replace(piece.options, former=_former(draw, piece)))


def _former(draw: Draw, piece: Piece) -> Former:
    return Former(piece.called, piece.parent, whole=bool(KINDS[piece.kind].token) and draw(st.booleans()))


def _removed(_draw: Draw, _piece: Piece, _before: Program) -> None:
    return None


def _hidden(_draw: Draw, piece: Piece, _before: Program) -> Piece:
    return replace(piece, secret=not piece.secret)


def _unprotected(piece: Piece) -> Piece:
    return replace(piece, options=replace(piece.options, protect=False))


def _let_go(_draw: Draw, piece: Piece, _before: Program) -> Piece:
    return replace(piece, options=replace(piece.options, protect=False, retain=False, needs=()))


_EDITS: list[_Edit] = [
    *(_left, _left, _left, _changed, _changed, _changed, _reshaped, _reshaped),
    *(_given_another_name, _renamed, _moved, _removed, _hidden, _let_go),
]
