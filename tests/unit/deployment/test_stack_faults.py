from __future__ import annotations

import pytest

from semantest_iac.domain.deployment.deployment_service import BLUEPRINTS
from semantest_iac.domain.deployment.validation import find_stack_faults
from semantest_iac.domain.environments.names import COMPONENT_TYPES, COMPONENTS
from semantest_iac.infrastructure.clouds.built_in import CLOUD_ENTRIES


class TestStackFaults:
    def test_are_none_for_known_names(self) -> None:
        assert find_stack_faults("rest-api", "azure", "prod", "West US 2", CLOUD_ENTRIES) == ()

    def test_name_every_unknown_part_with_the_nearest(self) -> None:
        faults = find_stack_faults("rest-apis", "awss", "prodution", "mars-1", CLOUD_ENTRIES)

        assert [fault.path for fault in faults] == ["component", "provider", "environment"]
        assert [fault.hint.split("?")[0] for fault in faults] == [
            "Did you mean 'rest-api'",
            "Did you mean 'aws'",
            "Did you mean 'production'",
        ]

    def test_suggest_only_components_that_can_be_deployed(self) -> None:
        fault, *_ = find_stack_faults("plattform", "aws", "qa", "us-east-1", CLOUD_ENTRIES)

        assert fault.hint.endswith(f"Known: {', '.join(COMPONENT_TYPES)}, account.")
        assert set(BLUEPRINTS) == set(COMPONENTS)

    @pytest.mark.parametrize("word", ["..", "x" * 300, "a\nb", "$(id)", "{0.__class__}", "--flag", ""])
    def test_show_hostile_text_on_one_short_line(self, word: str) -> None:
        fault, *_ = find_stack_faults(word, "aws", "qa", "us-east-1", CLOUD_ENTRIES)

        assert fault.path == "component"
        assert len(fault.message) < 100
        assert fault.message.isprintable()
