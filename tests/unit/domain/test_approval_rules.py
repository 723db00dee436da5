"""Which plans must be approved, by whom and until when."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from semantest_iac.domain.deployment.change_plan import ChangePlan, PlannedChange
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.environments.configuration import DeploymentConfiguration
from semantest_iac.domain.environments.rules.approval_checks import check_approvals
from semantest_iac.domain.guardrails.approval_rules import ApprovalRules, read_approval_rules

STACK = Stack("rest-api", "aws", "production", "us-east-1")
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
CREATES = ChangePlan((PlannedChange("u1", "t", "api", "create"), PlannedChange("u2", "t", "role", "update")))
DESTROYS = ChangePlan(
    (
        PlannedChange("u1", "t", "api", "replace"),
        PlannedChange("u2", "t", "table", "delete", loses="its items"),
        PlannedChange("u3", "t", "logs", "update", loses="its old records"),
    )
)
RULES = st.builds(
    ApprovalRules,
    st.sampled_from(["never", "destructive", "always"]),
    st.lists(st.sampled_from(["ana", "ben", "cleo"]), unique=True).map(tuple),
    st.timedeltas(timedelta(seconds=1), timedelta(days=365)),
    st.booleans(),
)


class TestFindReasons:
    @pytest.mark.parametrize(
        ("required", "plan", "reasons"),
        [
            (False, DESTROYS, []),
            ("never", DESTROYS, []),
            ("destructive", CREATES, []),
            (
                "destructive",
                DESTROYS,
                ["api (t) is replaced", "table (t) is deleted and loses its items", "logs (t) loses its old records"],
            ),
            (True, CREATES, ["every plan for production is approved by a person"]),
        ],
        ids=["false", "never", "harmless", "destructive", "always"],
    )
    def test_names_what_the_configuration_asks_about(self, required: Any, plan: ChangePlan, reasons: list[str]) -> None:
        rules = read_approval_rules({"approvals": {"required": required}})

        assert list(rules.find_reasons(STACK, plan)) == reasons

    def test_names_what_is_lost_besides_the_rule_for_every_plan(self) -> None:
        reasons = read_approval_rules({"approvals": {"required": "always"}}).find_reasons(STACK, DESTROYS)

        assert (len(reasons), reasons[1]) == (4, "api (t) is replaced")

    def test_name_some_of_many(self) -> None:
        many = ChangePlan(tuple(PlannedChange(f"u{i}", "t", f"r{i}", "delete") for i in range(25)))

        reasons = read_approval_rules({"approvals": {"required": "destructive"}}).find_reasons(STACK, many)

        assert (len(reasons), reasons[-1]) == (21, "5 more are replaced or deleted")

    def test_are_none_without_the_section(self) -> None:
        assert read_approval_rules({}) == ApprovalRules()
        assert read_approval_rules({}).find_reasons(STACK, DESTROYS) == ()


class TestTerms:
    def test_are_those_of_the_section_from_now_on(self) -> None:
        section = {"required": True, "approvers": ["ana"], "expires_after": "12h", "four_eyes": True}

        terms = read_approval_rules({"approvals": section}).terms_at(NOON)

        assert (terms.expires_at, terms.approvers, terms.four_eyes) == (NOON + timedelta(hours=12), ("ana",), True)

    def test_last_for_a_week_and_let_anybody_approve(self) -> None:
        terms = ApprovalRules("always").terms_at(NOON)

        assert (terms.expires_at, terms.approvers, terms.four_eyes) == (NOON + timedelta(days=7), (), False)


class TestCombine:
    @given(RULES, RULES)
    def test_is_never_less_strict_than_either(self, requested: ApprovalRules, own: ApprovalRules) -> None:
        both, order = requested.combine(own), ("never", "destructive", "always")

        for each in (requested, own):
            assert order.index(both.need) >= order.index(each.need)
            assert both.time <= each.time
            assert both.four_eyes or not each.four_eyes
        assert bool(both.approvers) is bool(requested.approvers or own.approvers)

    @given(RULES, RULES)
    def test_takes_the_approvers_of_the_process(self, requested: ApprovalRules, own: ApprovalRules) -> None:
        assert requested.combine(own).approvers == (own.approvers or requested.approvers)


class TestChecks:
    @pytest.mark.parametrize(
        ("section", "found"),
        [
            ({"expires_after": "90s"}, []),
            ({"expires_after": "365d", "approvers": ["ana", "CORP\\ben", "uid 1001"]}, []),
            ({"expires_after": "soon"}, ["approvals.expires_after: 'soon' is no time"]),
            ({"expires_after": "0d"}, ["approvals.expires_after: '0d' is no time"]),
            ({"expires_after": "366d"}, ["approvals.expires_after: must be 365d at most"]),
            (
                {"approvers": [" ", "a\nb"]},
                ["approvals.approvers[0]: ' ' is no name", "approvals.approvers[1]: 'a\\u000ab' is no name"],
            ),
            (
                {"approvers": ["ana", "ana"], "four_eyes": True},
                ["approvals.four_eyes: only ana may approve, and nothing that they requested"],
            ),
            ({"approvers": ["ana", "ben"], "four_eyes": True}, []),
        ],
    )
    def test_find_every_fault(self, section: dict[str, Any], found: list[str]) -> None:
        configuration = DeploymentConfiguration.model_validate({"approvals": section})

        findings = list(check_approvals(configuration))

        assert [f"{finding.fault.path}: {finding.fault.message}" for finding in findings] == found
        assert all(finding.blocks for finding in findings if finding.fault.path != "approvals.four_eyes")
