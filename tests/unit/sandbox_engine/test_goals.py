"""Registrations as goals."""

from __future__ import annotations

from typing import Any

import pytest
from pulumi.runtime.proto import resource_pb2

from semantest_iac.infrastructure.sandbox_engine.plan.desired_state import (
    RegistrationContext,
    decode_read,
    decode_registration,
    default_provider,
    refuse_unsupported_options,
)
from semantest_iac.infrastructure.sandbox_engine.protocol import wire
from semantest_iac.infrastructure.sandbox_engine.protocol.wire import UnsupportedError
from tests.unit.sandbox_engine.builders import a_state, a_urn

_PLACE = RegistrationContext("s", "p")

# What a registration can carry, by what becomes of it here.
_PLAYED = {
    *("type", "name", "parent", "custom", "object", "protect", "dependencies", "provider", "propertyDependencies"),
    *("deleteBeforeReplace", "deleteBeforeReplaceDefined", "ignoreChanges", "additionalSecretOutputs", "aliasURNs"),
    *("aliases", "customTimeouts", "replaceOnChanges", "retainOnDelete", "version"),
}
_SAYS_WHAT_THE_SDK_CAN_DO = {
    *("acceptSecrets", "supportsPartialValues", "acceptResources", "aliasSpecs", "supportsResultReporting"),
    *("accepts_byte_string", "sourcePosition", "stackTrace", "parentStackTraceHandle"),
    "providers",  # of a component: the SDK hands each child its own
}
_REFUSED: dict[str, Any] = {
    "remote": True,
    "importId": "id",
    "deletedWith": "urn",
    "replace_with": ["urn"],
    "hideDiffs": ["a"],
    "envVarMappings": {"A": "B"},
    "packageRef": "ref",
    "pluginDownloadURL": "https://a.b",
    "pluginChecksums": {"a": b"b"},
    "snippetId": "id",
    "transforms": [{"token": "t"}],
    "state_migrations": [{"token": "t"}],
    "hooks": {"before_create": ["h"]},
    "replacement_trigger": {"string_value": "1"},
}


def _request(**fields: Any) -> Any:
    defaults = {"type": "aws:sns/topic:Topic", "name": "a", "custom": True}
    return resource_pb2.RegisterResourceRequest(**{**defaults, **fields})


class TestOptions:
    def test_are_all_played_or_refused(self) -> None:
        known = {field.name for field in resource_pb2.RegisterResourceRequest.DESCRIPTOR.fields}

        assert known - _PLAYED - _SAYS_WHAT_THE_SDK_CAN_DO - _REFUSED.keys() == set()

    @pytest.mark.parametrize("field", sorted(_REFUSED))
    def test_that_are_not_played_are_refused(self, field: str) -> None:
        with pytest.raises(UnsupportedError, match=r"does not play .* \('a'\)"):
            refuse_unsupported_options(_request(**{field: _REFUSED[field]}))

    def test_that_are_not_played_are_named_together(self) -> None:
        with pytest.raises(UnsupportedError, match="does not play hide_diffs, import_, remote components"):
            decode_registration(_request(remote=True, importId="id", hideDiffs=["a"]), _PLACE)


class TestGoal:
    def test_is_what_was_asked_for(self) -> None:
        goal = decode_registration(
            _request(
                object=wire.encode_properties({"name": "n"}),
                dependencies=["z", "b"],
                propertyDependencies={"name": {"urns": ["b"]}, "tags": {}},
                ignoreChanges=["tags"],
                replaceOnChanges=["name"],
                additionalSecretOutputs=["arn"],
                deleteBeforeReplaceDefined=True,
                customTimeouts={"create": "1h1.5m", "delete": "90s"},
            ),
            RegistrationContext("s", "p", provider="provider"),
        )

        assert goal.wanted == a_state(
            "a",
            id="",
            inputs={"name": "n"},
            provider="provider",
            dependencies=("b", "z"),
            property_dependencies={"name": ("b",)},
            ignore_changes=("tags",),
            replace_on_changes=("name",),
            additional_secret_outputs=("arn",),
            custom_timeouts={"create": 3690.0, "delete": 90.0},
        )
        assert goal.delete_before_replace is False

    def test_says_nothing_of_the_order_where_the_program_does_not(self) -> None:
        assert decode_registration(_request(), _PLACE).delete_before_replace is None

    @pytest.mark.parametrize(("said", "result"), [(None, True), (False, False), (True, True)])
    def test_inherits_protection_and_retention(self, said: bool | None, result: bool) -> None:
        place = RegistrationContext("s", "p", a_state("parent", protect=True, retain_on_delete=True))

        wanted = decode_registration(_request(protect=said, retainOnDelete=said), place).wanted

        assert (wanted.protect, wanted.retain_on_delete) == (result, result)

    def test_refuses_a_timeout_that_is_none(self) -> None:
        with pytest.raises(UnsupportedError, match="cannot read the custom timeout 'soon'"):
            decode_registration(_request(customTimeouts={"create": "soon"}), _PLACE)


class TestReads:
    @pytest.mark.parametrize(("id_", "result"), [("i", "i"), (wire.UNKNOWN_MARKER, "")], ids=["known", "unknown"])
    def test_are_of_resources_that_others_keep(self, id_: str, result: str) -> None:
        request = resource_pb2.ReadResourceRequest(type="aws:sns/topic:Topic", name="a", id=id_)

        assert decode_read(request, _PLACE) == a_state("a", id=result, external=True)


class TestDefaultProvider:
    @pytest.mark.parametrize(
        ("version", "name"),
        [("7.51.1", "default_7_51_1"), ("7.0.0-alpha.1", "default_7_0_0_alpha_1"), ("", "default")],
    )
    def test_is_named_by_its_version(self, version: str, name: str) -> None:
        provider = default_provider("aws", version, _PLACE)

        assert provider.urn == a_urn(name, type_="pulumi:providers:aws")
        assert provider.inputs == ({"version": version} if version else {})
