"""Which differences the comparison finds, and which it ignores: a blind comparison would always succeed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from semantest_iac.infrastructure.simulated_cloud.runtime.inventory import ResourceAddress, StoredResource
from tests.differential.comparison import differences, find_undecided
from tests.differential.engine_runners import Outcome
from tests.differential.name_mapping import NameMapping

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
    previewed=[("create", _URN)],
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
            replace(_OUTCOME, previewed=[]),
            replace(_OUTCOME, previewed=None),
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
    def test_are_found(self, theirs: Outcome) -> None:
        assert differences(_OUTCOME, theirs, NameMapping())

    def test_are_found_between_failed_resources(self) -> None:
        refused = replace(_OUTCOME, error="refused", failed=frozenset({_NEEDED}))

        assert differences(refused, replace(refused, failed=frozenset({_URN})), NameMapping())

    def test_are_none_in_which_of_two_deletes_failed_first(self) -> None:
        before = [{"urn": _URN}, {"urn": _NEEDED}]
        kept = replace(_OUTCOME, previewed=[], steps=[], resources=[], rows=[], before=before, error="refused")
        ours, theirs = (
            replace(kept, failed=frozenset({urn}), log=[("failed", "delete", urn)]) for urn in (_URN, _NEEDED)
        )

        assert not differences(ours, theirs, NameMapping(), find_undecided(ours, theirs))

    @pytest.mark.parametrize("theirs", [_OUTCOME, _with(created="now"), _with(propertyDependencies={"name": []})])
    def test_ignore_times_and_empty_values(self, theirs: Outcome) -> None:
        assert differences(_OUTCOME, theirs, NameMapping()) == []

    @pytest.mark.parametrize(("op", "late"), [("create", _URN), ("delete", _NEEDED)])
    def test_are_found_in_a_wrong_order(self, op: str, late: str) -> None:
        early = _NEEDED if late == _URN else _URN
        chain: list[dict[str, Any]] = [{"urn": _NEEDED}, {**_TOPIC, "dependencies": [_NEEDED]}]
        log = [(stage, op, urn) for urn in (late, early) for stage in ("running", "done")]
        before, after = ([], chain) if op == "create" else (chain, [])
        outcome = replace(_OUTCOME, log=log, before=before, resources=after)

        assert any(found.startswith("order") for found in differences(outcome, outcome, NameMapping()))

    def test_are_found_in_the_order_of_a_replacement(self) -> None:
        log = [("done", "create-replacement", _URN), ("done", "delete-replaced", _URN)]
        ours, theirs = replace(_OUTCOME, log=log), replace(_OUTCOME, log=log[::-1])

        assert differences(ours, theirs, NameMapping()) != []

    def test_ignore_a_delete_in_two_steps(self) -> None:
        parts = [("delete-replaced", _URN), ("remove-pending-replace", _URN)]
        ours, theirs = (replace(_OUTCOME, steps=steps, previewed=steps) for steps in ([("delete", _URN)], parts))

        assert differences(ours, theirs, NameMapping()) == []

    def test_ignore_the_order_of_a_delete_before_replace(self) -> None:
        log = [("done", op, _NEEDED) for op in ("delete-replaced", "create-replacement")] + [("done", "delete", _URN)]
        outcome = replace(_OUTCOME, log=log, before=[{"urn": _NEEDED}, {**_TOPIC, "dependencies": [_NEEDED]}])

        assert differences(outcome, outcome, NameMapping()) == []

    def test_ignore_the_given_resources(self) -> None:
        gone = replace(_OUTCOME, resources=[], rows=[], log=[*_OUTCOME.log, ("done", "delete", _URN)])

        assert differences(_OUTCOME, gone, NameMapping(), {_URN}) == []


class TestFindUndecided:
    def test_has_the_deletes_when_a_cloud_refused_one(self) -> None:
        outcome = replace(_OUTCOME, before=[{"urn": _NEEDED}], log=[("failed", "delete", _NEEDED)], error="refused")

        assert find_undecided(outcome, outcome) == {_NEEDED}

    def test_is_empty_if_only_one_engine_was_refused(self) -> None:
        refused = replace(_OUTCOME, before=[{"urn": _NEEDED}], log=[("failed", "delete", _NEEDED)], error="refused")

        assert find_undecided(refused, _OUTCOME) == find_undecided(_OUTCOME, refused) == frozenset()
