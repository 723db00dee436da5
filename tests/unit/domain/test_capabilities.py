from __future__ import annotations

from typing import Any

from semantest_iac.domain.blueprints import capabilities
from semantest_iac.domain.blueprints.capabilities import RESOURCE_KINDS, Capabilities, find_unsupported
from semantest_iac.domain.blueprints.components import build_rest_api
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.environments.configuration import DeploymentConfiguration, resolve_component
from semantest_iac.domain.errors import Fault
from semantest_iac.domain.networking.apis import HttpApi

_STACK = Stack("rest-api", "meadow", "development", "north")


def _find_faults(cloud: Capabilities, *others: Capabilities, **section: Any) -> list[Fault]:
    configuration = DeploymentConfiguration.model_validate({"components": {"rest-api": section}})
    blueprint = build_rest_api(_STACK, 1, resolve_component(configuration, "rest-api", "development"))
    return list(find_unsupported(blueprint, cloud, lambda: others))


class TestFindUnsupported:
    def test_yields_nothing_for_a_complete_cloud(self) -> None:
        assert _find_faults(Capabilities("meadow")) == []

    def test_names_feature_key_reason_and_supporting_clouds(self) -> None:
        meadow = Capabilities("meadow", unsupported={capabilities.WARM_INSTANCES: "its functions sleep"})

        assert _find_faults(meadow, Capabilities("aws"), instances={"min": 1}) == [
            Fault(
                "components.rest-api.instances.min",
                "meadow has no serverless function (warm instances): its functions sleep",
                "Available on aws.",
            )
        ]

    def test_ignores_what_is_not_required(self) -> None:
        assert (
            _find_faults(Capabilities("meadow", unsupported={capabilities.WARM_INSTANCES: "its functions sleep"})) == []
        )

    def test_names_a_missing_kind_once_without_its_features(self) -> None:
        meadow = Capabilities("meadow", frozenset(RESOURCE_KINDS) - {HttpApi})

        [fault] = _find_faults(meadow, meadow)

        assert fault.message == "meadow has no HTTP API: it has no program for this kind"
        assert (fault.path, fault.hint) == ("component", "No cloud has it; leave it out.")

    def test_loads_no_other_cloud_without_need(self) -> None:
        def nobody() -> Any:
            raise AssertionError("asked")

        settings = resolve_component(DeploymentConfiguration(), "rest-api", "development")

        assert list(find_unsupported(build_rest_api(_STACK, 1, settings), Capabilities("meadow"), nobody)) == []

    def test_accepts_partial_support(self) -> None:
        assert _find_faults(Capabilities("meadow", partial={capabilities.MEMORY_SIZE: "in steps"})) == []
