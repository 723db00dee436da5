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

_CONTEXT = RegistrationContext("s", "p")

# The fields of a registration, by how the sandbox treats them.
_SUPPORTED = {
    *("type", "name", "parent", "custom", "object", "protect", "dependencies", "provider", "propertyDependencies"),
    *("deleteBeforeReplace", "deleteBeforeReplaceDefined", "ignoreChanges", "additionalSecretOutputs", "aliasURNs"),
    *("aliases", "customTimeouts", "replaceOnChanges", "retainOnDelete", "version"),
}
_SDK_CAPABILITIES = {
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
    def test_are_all_supported_or_refused(self) -> None:
        known = {field.name for field in resource_pb2.RegisterResourceRequest.DESCRIPTOR.fields}

        assert known - _SUPPORTED - _SDK_CAPABILITIES - _REFUSED.keys() == set()

    @pytest.mark.parametrize("field", sorted(_REFUSED))
    def test_are_refused_if_unsupported(self, field: str) -> None:
        with pytest.raises(UnsupportedError, match=r"does not support .* \('a'\)"):
            refuse_unsupported_options(_request(**{field: _REFUSED[field]}))

    def test_are_refused_together(self) -> None:
        with pytest.raises(UnsupportedError, match="does not support hide_diffs, import_, remote components"):
            decode_registration(_request(remote=True, importId="id", hideDiffs=["a"]), _CONTEXT)


class TestDesiredState:
    def test_contains_what_the_request_says(self) -> None:
        desired = decode_registration(
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

        assert desired.resource == a_state(
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
        assert desired.delete_before_replace is False

    def test_leaves_the_order_open_if_the_program_does(self) -> None:
        assert decode_registration(_request(), _CONTEXT).delete_before_replace is None

    @pytest.mark.parametrize(("option", "result"), [(None, True), (False, False), (True, True)])
    def test_inherits_protection_and_retention(self, option: bool | None, result: bool) -> None:
        context = RegistrationContext("s", "p", a_state("parent", protect=True, retain_on_delete=True))

        resource = decode_registration(_request(protect=option, retainOnDelete=option), context).resource

        assert (resource.protect, resource.retain_on_delete) == (result, result)

    def test_refuses_an_invalid_timeout(self) -> None:
        with pytest.raises(UnsupportedError, match="cannot read the custom timeout 'soon'"):
            decode_registration(_request(customTimeouts={"create": "soon"}), _CONTEXT)


class TestReads:
    @pytest.mark.parametrize(("id_", "result"), [("i", "i"), (wire.UNKNOWN_MARKER, "")], ids=["known", "unknown"])
    def test_are_of_external_resources(self, id_: str, result: str) -> None:
        request = resource_pb2.ReadResourceRequest(type="aws:sns/topic:Topic", name="a", id=id_)

        assert decode_read(request, _CONTEXT) == a_state("a", id=result, external=True)


class TestDefaultProvider:
    @pytest.mark.parametrize(
        ("version", "name"),
        [("7.51.1", "default_7_51_1"), ("7.0.0-alpha.1", "default_7_0_0_alpha_1"), ("", "default")],
    )
    def test_is_named_by_its_version(self, version: str, name: str) -> None:
        provider = default_provider("aws", version, _CONTEXT)

        assert provider.urn == a_urn(name, type_="pulumi:providers:aws")
        assert provider.inputs == ({"version": version} if version else {})
