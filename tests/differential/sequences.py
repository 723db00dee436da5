"""Programs and their edits, drawn by hypothesis; the same seed gives the same sequences."""

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
from tests.differential.program_runner import KINDS, WRITTEN_KINDS
from tests.differential.specs import Former, Options, Program, ResourceSpec

_IDS = "abcde"
_USER_WEIGHT = 4  # weight of a kind that uses an existing resource, squared for a kind that uses such a kind, and so on
_EXAMPLES_PER_SEQUENCE = 2  # hypothesis repeats itself
_LABELS = st.integers(0, 2)
_ROOTS = sorted(kind for kind, about in WRITTEN_KINDS.items() if not about.uses)
_FAULTY_KINDS = sorted(kind for kind, about in WRITTEN_KINDS.items() if about.named)
_EFFECTS = st.sampled_from(
    [FaultEffect.REFUSE, FaultEffect.THROTTLE, FaultEffect.PARTIAL, FaultEffect.CREATED_BUT_TIMEOUT]
)
_OPERATIONS = st.sampled_from(["create", "update", "delete"])


@dataclass(frozen=True)
class Step:
    """One update: the program, and the fault that it meets."""

    program: Program
    fault: ScriptedFault | None = None


Edits = tuple[Step, ...]
Draw = st.DrawFn
_Edit = Callable[[Draw, ResourceSpec, Program], ResourceSpec | None]


class _StableProvider(HypothesisProvider):
    """Does not draw the constants that hypothesis finds in the loaded modules."""

    def _maybe_draw_constant(self, *_: Any, **__: Any) -> None:
        return None


AVAILABLE_PROVIDERS["steady"] = _StableProvider


@cache
def generate_sequences(count: int, seed_: int, *, faulty: bool = False) -> list[Edits]:
    """`count` different sequences; a faulty sequence meets one fault, and repeats the same program after it."""
    found: dict[Edits, None] = {}

    @seed(seed_)
    @settings(
        backend="steady",
        max_examples=_EXAMPLES_PER_SEQUENCE * count,
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
        raise AssertionError(f"of {_EXAMPLES_PER_SEQUENCE * count} sequences only {len(found)} are different")
    return list(found)[:count]


@st.composite
def _sequences(draw: Draw) -> Edits:
    """A program and one or two edits of it; the last program protects nothing, so that it can be destroyed."""
    steps = [Step(draw(_programs()))]
    for _ in range(draw(st.integers(1, 2))):
        steps.append(Step(_edit_program(draw, steps[-1].program)))
    return *steps[:-1], Step(tuple(map(_unprotect, steps[-1].program)))


@st.composite
def _faulty_sequences(draw: Draw) -> Edits:
    """The first program or the edited one meets the fault."""
    first = Step((draw(_piece("a", (), _FAULTY_KINDS)), *draw(_programs(tuple("bcd")))))
    second = Step(_edit_program(draw, first.program))
    if draw(st.booleans()):
        return replace(first, fault=_fault(draw, first.program, "create")), first, second
    return first, replace(second, fault=_fault(draw, first.program, draw(_OPERATIONS))), second


def _fault(draw: Draw, program: Program, operation: str) -> ScriptedFault:
    """A fault for one spec, whose id is in the name that its cloud knows."""
    faulty_id = draw(st.sampled_from([spec.id for spec in program if spec.kind in _FAULTY_KINDS]))
    return ScriptedFault(draw(_EFFECTS), operation=operation, name=f"*s0-{faulty_id}*")


def chain_resources(sequence: Edits) -> Edits:
    """The same programs with each resource depending on all before it, so that any engine uses one order."""
    return tuple(replace(step, program=tuple(_chain(step.program))) for step in sequence)


def _chain(program: Program) -> Iterator[ResourceSpec]:
    before: tuple[str, ...] = ()
    for spec in program:
        yield replace(spec, options=replace(spec.options, depends_on=before))
        before += () if KINDS[spec.kind].local else (spec.id,)


@st.composite
def _programs(draw: Draw, ids: Sequence[str] = _IDS) -> Program:
    specs: list[ResourceSpec] = []
    for id_ in ids[: draw(st.integers(1, len(ids)))]:
        specs.append(draw(_piece(id_, tuple(specs))))
    return tuple(specs)


@st.composite
def _piece(draw: Draw, id_: str, before: Program, roots: Sequence[str] = _ROOTS) -> ResourceSpec:
    """A spec of any kind whose used resource is among those before it."""
    there = {spec.kind for spec in before}
    fitting = [
        name
        for name, about in WRITTEN_KINDS.items()
        if about.uses in there
        for _ in range(_USER_WEIGHT ** _depth(name))
    ]
    kind = draw(st.sampled_from([*roots, *fitting]))
    used = [spec.id for spec in before if spec.kind == KINDS[kind].uses]
    uses = draw(st.sampled_from(used)) if used else ""
    drawn = ResourceSpec(
        id=id_,
        kind=kind,
        logical_name=id_,
        uses=uses,
        parent=draw(st.sampled_from(["", *_ids_of_kind(before, "group")])),
        provider=_provider(draw, kind, uses, before),
        label=draw(_LABELS),
        name_number=draw(st.integers(0, 2)),
        shape=draw(_LABELS),
        secret=draw(_RARELY),
    )
    return replace(drawn, options=_options(draw, drawn, before))


def _depth(kind: str) -> int:
    return 1 + _depth(KINDS[kind].uses) if KINDS[kind].uses else 0


def _ids_of_kind(program: Program, kind: str) -> list[str]:
    return [spec.id for spec in program if spec.kind == kind]


def _provider(draw: Draw, kind: str, uses: str, before: Program) -> str:
    """The provider of the used resource, as only resources of one region find each other."""
    if KINDS[kind].local or kind in azure_kinds.KINDS:
        return ""
    their_row = [spec.provider for spec in before if spec.id == uses]
    return their_row[0] if their_row else draw(st.sampled_from(["", *_ids_of_kind(before, "provider")]))


_RARELY = st.sampled_from([False, False, False, True])
_HARDLY_EVER = st.sampled_from([*[False] * 19, True])


def _options(draw: Draw, spec: ResourceSpec, before: Program) -> Options:
    kind = KINDS[spec.kind]
    others = [
        other.id for other in before if not KINDS[other.kind].local
    ]  # a group's own children would wait for themselves
    if spec.kind == "look":
        return Options()
    return Options(
        protect=draw(_HARDLY_EVER),
        retain_on_delete=draw(_HARDLY_EVER),
        delete_before_replace=draw(st.sampled_from([None, None, None, True, False])),
        ignore_changes=_draw_optional(draw, kind.paths),
        replace_on_changes=_draw_optional(draw, kind.paths),
        secret_outputs=_draw_optional(draw, kind.outputs),
        depends_on=_draw_optional(draw, tuple(others)),
    )


def _draw_optional(draw: Draw, names: tuple[str, ...]) -> tuple[str, ...]:
    return (draw(st.sampled_from(names)),) if draw(_RARELY) and names else ()


def _edit_program(draw: Draw, program: Program) -> Program:
    """The program after one edit of each spec; dependents of a removed resource are removed, and one may be added."""
    specs: list[ResourceSpec] = []
    for spec in program:
        edited = draw(st.sampled_from(_EDITS))(draw, spec, tuple(specs))
        if edited and _has_references(edited, specs):
            specs.append(edited)
    ignored = sorted(set(_IDS) - {spec.id for spec in program})
    if draw(st.booleans()) and ignored:
        specs.append(draw(_piece(ignored[0], tuple(specs))))
    return tuple(specs)


def _has_references(spec: ResourceSpec, before: list[ResourceSpec]) -> bool:
    there = {"", *(other.id for other in before)}
    return {spec.uses, spec.parent, spec.provider} <= there


def _keep(_draw: Draw, spec: ResourceSpec, _before: Program) -> ResourceSpec:
    return spec


def _change_label(draw: Draw, spec: ResourceSpec, _before: Program) -> ResourceSpec:
    return replace(spec, label=draw(_LABELS))


def _change_shape(draw: Draw, spec: ResourceSpec, _before: Program) -> ResourceSpec:
    return replace(spec, shape=draw(_LABELS))


def _change_physical_name(draw: Draw, spec: ResourceSpec, _before: Program) -> ResourceSpec:
    return replace(spec, name_number=draw(_LABELS))


def _rename(draw: Draw, spec: ResourceSpec, _before: Program) -> ResourceSpec:
    logical_name = spec.id + draw(st.sampled_from("xyz"))
    return replace(spec, logical_name=logical_name, options=replace(spec.options, former=_former(draw, spec)))


def _move(draw: Draw, spec: ResourceSpec, before: Program) -> ResourceSpec:
    parent = draw(st.sampled_from(["", *_ids_of_kind(before, "group")]))
    return replace(spec, parent=parent, options=replace(spec.options, former=_former(draw, spec)))


def _former(draw: Draw, spec: ResourceSpec) -> Former:
    return Former(spec.logical_name, spec.parent, whole=bool(KINDS[spec.kind].urn_type) and draw(st.booleans()))


def _remove(_draw: Draw, _piece: ResourceSpec, _before: Program) -> None:
    return None


def _toggle_secret(_draw: Draw, spec: ResourceSpec, _before: Program) -> ResourceSpec:
    return replace(spec, secret=not spec.secret)


def _unprotect(spec: ResourceSpec) -> ResourceSpec:
    return replace(spec, options=replace(spec.options, protect=False))


def _drop_options(_draw: Draw, spec: ResourceSpec, _before: Program) -> ResourceSpec:
    return replace(spec, options=replace(spec.options, protect=False, retain_on_delete=False, depends_on=()))


_EDITS: list[_Edit] = [
    *(_keep, _keep, _keep, _change_label, _change_label, _change_label, _change_shape, _change_shape),
    *(_change_physical_name, _rename, _move, _remove, _toggle_secret, _drop_options),
]
