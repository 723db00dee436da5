"""What the comparison takes for the same, and what it does not: a blind one would always agree."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from semantest_iac.infrastructure.simulated_cloud.runtime.inventory import ResourceAddress, StoredResource
from tests.differential.comparison import differences, undecided
from tests.differential.renaming import Renaming
from tests.differential.worlds import Outcome

_URN = "urn:pulumi:s::p::aws:sns/topic:Topic::topic"
_NEEDED = "urn:pulumi:s::p::aws:sns/topic:Topic::needed"
_TOPIC = {"urn": _URN, "type": "aws:sns/topic:Topic", "id": "arn:topic-1a2b3c4", "inputs": {"name": "topic-1a2b3c4"}}
_ROW = StoredResource(
    ResourceAddress("1", "r", "aws:sns/topic:Topic", "arn:topic-1a2b3c4"),
    "arn:topic-1a2b3c4",
    "",
    "",
    0,
    {"tags": {}},
    {},
)
_OUTCOME = Outcome(
    foreseen=[("create", _URN)],
    log=[("running", "create", _URN), ("done", "create", _URN)],
    steps=[("create", _URN)],
    before=[],
    resources=[_TOPIC],
    rows=[_ROW],
    failed=frozenset(),
    error="",
)


def _with(**changed: Any) -> Outcome:
    return replace(_OUTCOME, resources=[{**_TOPIC, **changed}])


class TestDifferences:
    @pytest.mark.parametrize(
        "theirs",
        [
            replace(_OUTCOME, steps=[("update", _URN)]),
            replace(_OUTCOME, foreseen=[]),
            replace(_OUTCOME, foreseen=None),
            replace(_OUTCOME, log=[]),
            replace(_OUTCOME, resources=[]),
            replace(_OUTCOME, rows=[]),
            replace(_OUTCOME, rows=[replace(_ROW, inputs={"tags": {"a": "b"}})]),
            replace(_OUTCOME, error="refused"),
            _with(protect=True),
            _with(delete=True),
            _with(inputs={"name": {"secret": "topic-1a2b3c4"}}),
            _with(outputs={"name": "topic-1a2b3c4"}),
            _with(dependencies=["urn"]),
            _with(initErrors=["half"]),
        ],
        ids=[
            *("step", "forecast", "no forecast", "operation", "state", "row", "input", "error"),
            *("protect", "replaced", "secret", "output", "dependency", "half"),
        ],
    )
    def test_are_seen(self, theirs: Outcome) -> None:
        assert differences(_OUTCOME, theirs, Renaming())

    @pytest.mark.parametrize("theirs", [_OUTCOME, _with(created="now"), _with(propertyDependencies={"name": []})])
    def test_are_none_in_what_nobody_chose(self, theirs: Outcome) -> None:
        assert differences(_OUTCOME, theirs, Renaming()) == []

    @pytest.mark.parametrize(("op", "late"), [("create", _URN), ("delete", _NEEDED)])
    def test_are_seen_where_the_order_is_wrong(self, op: str, late: str) -> None:
        early = _NEEDED if late == _URN else _URN
        chain: list[dict[str, Any]] = [{"urn": _NEEDED}, {**_TOPIC, "dependencies": [_NEEDED]}]
        log = [(stage, op, urn) for urn in (late, early) for stage in ("running", "done")]
        before, after = ([], chain) if op == "create" else (chain, [])
        outcome = replace(_OUTCOME, log=log, before=before, resources=after)

        assert any(found.startswith("order") for found in differences(outcome, outcome, Renaming()))

    def test_are_seen_where_a_replacement_goes_the_other_way(self) -> None:
        log = [("done", "create-replacement", _URN), ("done", "delete-replaced", _URN)]
        ours, theirs = replace(_OUTCOME, log=log), replace(_OUTCOME, log=log[::-1])

        assert differences(ours, theirs, Renaming()) != []

    def test_are_none_where_a_delete_is_told_in_two_parts(self) -> None:
        parts = [("delete-replaced", _URN), ("remove-pending-replace", _URN)]
        ours, theirs = (replace(_OUTCOME, steps=steps, foreseen=steps) for steps in ([("delete", _URN)], parts))

        assert differences(ours, theirs, Renaming()) == []

    def test_are_none_where_nobody_waits_for_what_is_deleted_first(self) -> None:
        log = [("done", op, _NEEDED) for op in ("delete-replaced", "create-replacement")] + [("done", "delete", _URN)]
        outcome = replace(_OUTCOME, log=log, before=[{"urn": _NEEDED}, {**_TOPIC, "dependencies": [_NEEDED]}])

        assert differences(outcome, outcome, Renaming()) == []

    def test_are_none_in_what_is_free(self) -> None:
        gone = replace(_OUTCOME, resources=[], rows=[], log=[*_OUTCOME.log, ("done", "delete", _URN)])

        assert differences(_OUTCOME, gone, Renaming(), {_URN}) == []


class TestUndecided:
    def test_is_what_was_to_go_when_a_cloud_refused_a_delete(self) -> None:
        outcome = replace(_OUTCOME, before=[{"urn": _NEEDED}], log=[("failed", "delete", _NEEDED)], error="refused")

        assert undecided(outcome, outcome) == {_NEEDED}

    def test_is_nothing_where_only_one_engine_was_refused(self) -> None:
        refused = replace(_OUTCOME, before=[{"urn": _NEEDED}], log=[("failed", "delete", _NEEDED)], error="refused")

        assert undecided(refused, _OUTCOME) == undecided(_OUTCOME, refused) == frozenset()
