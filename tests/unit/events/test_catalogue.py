from __future__ import annotations

import inspect
import re
from types import ModuleType

import pytest

from semantest_iac_events import deployments, infrastructure, triggers
from semantest_iac_events.catalogue import EVENT_TYPES, PUBLISHED_EVENTS
from semantest_iac_events.event import Event

FAMILIES = [deployments, deployments, infrastructure, infrastructure, triggers]
FAILURES = {
    "infrastructure.deployment.failed",
    "infrastructure.deployment.rolled_back",
    "infrastructure.deployment.rejected",
    "infrastructure.deployment.needs_operator",
    "infrastructure.update.failed",
    "infrastructure.removal.failed",
}


class TestCatalogue:
    @pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.__name__)
    def test_holds_every_event_class(self, family: ModuleType) -> None:
        defined = {
            each
            for each in vars(family).values()
            if inspect.isclass(each) and issubclass(each, Event) and each.__module__ == family.__name__
        }

        assert {each for each in defined if not each.__name__.startswith("_")} <= set(PUBLISHED_EVENTS)

    def test_gives_every_class_its_own_type(self) -> None:
        assert len(EVENT_TYPES) == len(PUBLISHED_EVENTS)

    @pytest.mark.parametrize("name", EVENT_TYPES)
    def test_spells_types_in_lower_case_words(self, name: str) -> None:
        assert re.fullmatch(r"(infrastructure|semantest)(\.[a-z_]+){1,3}", name)

    @pytest.mark.parametrize("name", EVENT_TYPES)
    def test_gives_failures_a_code_a_reason_and_a_hint(self, name: str) -> None:
        fields = EVENT_TYPES[name].model_fields.keys()

        assert ({"code", "reason", "hint"} <= fields) == (name in FAILURES)
