"""What a cloud lacks is refused with its reason, and with those who have it."""

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


def _refused(cloud: Capabilities, *others: Capabilities, **section: Any) -> list[Fault]:
    configuration = DeploymentConfiguration.model_validate({"components": {"rest-api": section}})
    blueprint = build_rest_api(_STACK, 1, resolve_component(configuration, "rest-api", "development"))
    return list(find_unsupported(blueprint, cloud, lambda: others))


class TestRefusals:
    def test_are_none_where_the_cloud_has_everything(self) -> None:
        assert _refused(Capabilities("meadow")) == []

    def test_name_the_feature_its_key_its_reason_and_who_has_it(self) -> None:
        meadow = Capabilities("meadow", unsupported={capabilities.WARM_INSTANCES: "its functions sleep"})

        assert _refused(meadow, Capabilities("aws"), instances={"min": 1}) == [
            Fault(
                "components.rest-api.instances.min",
                "meadow has no ServerlessFunction (warm instances): its functions sleep",
                "Available on aws.",
            )
        ]

    def test_leave_alone_what_nobody_asks_for(self) -> None:
        assert _refused(Capabilities("meadow", unsupported={capabilities.WARM_INSTANCES: "its functions sleep"})) == []

    def test_name_a_missing_kind_once_and_not_its_features(self) -> None:
        meadow = Capabilities("meadow", frozenset(RESOURCE_KINDS) - {HttpApi})

        [fault] = _refused(meadow, meadow)

        assert fault.message == "meadow has no HttpApi: it has no program for this kind"
        assert (fault.path, fault.hint) == ("component", "No cloud has it; leave it out.")

    def test_do_not_ask_others_for_nothing(self) -> None:
        def nobody() -> Any:
            raise AssertionError("asked")

        settings = resolve_component(DeploymentConfiguration(), "rest-api", "development")

        assert list(find_unsupported(build_rest_api(_STACK, 1, settings), Capabilities("meadow"), nobody)) == []

    def test_take_a_form_of_its_own_for_having_it(self) -> None:
        assert _refused(Capabilities("meadow", partial={capabilities.MEMORY_SIZE: "in steps"})) == []
