"""Which changes going back does not undo entirely, of both clouds."""

from __future__ import annotations

import pytest

from semantest_iac.domain.deployment.change_plan import ChangePlan, PlannedChange, PlannedOperation
from semantest_iac.domain.deployment.property_changes import PropertyChange
from semantest_iac.infrastructure.cloud_programs.cloud import find_cloud
from semantest_iac.infrastructure.cloud_programs.reversibility import mark_lossy_changes

RETENTION = {
    "aws": ("aws:cloudwatch/logGroup:LogGroup", "retentionInDays"),
    "azure": ("azure-native:operationalinsights:Workspace", "retentionInDays"),
}


def mark(provider: str, change: PlannedChange) -> PlannedChange:
    [marked] = mark_lossy_changes(ChangePlan((change,)), find_cloud(provider).lossy).resources
    return marked


def a_change(type_: str, op: PlannedOperation, *properties: PropertyChange, loses: str = "") -> PlannedChange:
    return PlannedChange("urn", type_, "one", op, properties, loses=loses)


class TestLossyChanges:
    @pytest.mark.parametrize("provider", RETENTION)
    @pytest.mark.parametrize(("old", "new", "mark_of_it"), [(30, 14, "lossy"), (14, 30, "reversible")])
    def test_of_the_retention_of_logs(self, provider: str, old: int, new: int, mark_of_it: str) -> None:
        type_, path = RETENTION[provider]

        marked = mark(provider, a_change(type_, "update", PropertyChange(path, old, new)))

        assert (marked.reversible, bool(marked.differs)) == (mark_of_it, mark_of_it == "lossy")
        assert marked.to_event_value().reversible == mark_of_it

    @pytest.mark.parametrize(
        ("provider", "type_", "words"),
        [
            ("aws", "aws:apigatewayv2/api:Api", "another address"),
            ("aws", "aws:sns/topicSubscription:TopicSubscription", "confirm"),
            ("azure", "azure-native:web:WebApp", "other keys"),
        ],
    )
    def test_of_what_is_created_anew(self, provider: str, type_: str, words: str) -> None:
        for op in ("replace", "delete"):
            assert words in mark(provider, a_change(type_, op)).as_dict()["differs"]
        assert mark(provider, a_change(type_, "update")).reversible == "reversible"
        assert mark(provider, a_change(type_, "create")).reversible == "reversible"

    def test_that_lose_data_are_irreversible(self) -> None:
        marked = mark("aws", a_change("aws:sns/topic:Topic", "delete", loses="its items"))

        assert (marked.reversible, marked.differs) == ("irreversible", "")

    @pytest.mark.parametrize("provider", RETENTION)
    def test_name_types_that_hold_no_data_for_good(self, provider: str) -> None:
        cloud = find_cloud(provider)

        kept = [type_ for type_, found in cloud.lossy.items() if cloud.find_lost_data(type_) and not found[0].lowered]

        assert kept == []
