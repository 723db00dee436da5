"""The provider's protocol without an engine."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from google.protobuf import empty_pb2, struct_pb2
from pulumi.runtime.proto import plugin_pb2, provider_pb2

from semantest_iac.infrastructure.simulated_cloud.runtime.faults import FaultEffect, FaultScript, ScriptedFault

if TYPE_CHECKING:
    from tests.unit.simulated_provider.conftest import Connection, Provider

    WireOf = Callable[[dict[str, Any]], struct_pb2.Struct]
    Plain = Callable[[struct_pb2.Struct], dict[str, Any]]

ROLE, TOPIC = "aws:iam/role:Role", "aws:sns/topic:Topic"


@pytest.fixture
def second(provider: Provider) -> Connection:
    """The connection of a second provider, which is not configured."""
    return type(provider.connection)("ipv4:127.0.0.1:2")


class TestHandshake:
    def test_accepts_plain_values_only(self, provider: Provider) -> None:
        answer = provider.servicer.Handshake(provider_pb2.ProviderHandshakeRequest(), provider.connection)

        assert answer == provider_pb2.ProviderHandshakeResponse()

    def test_is_followed_by_version_and_schema(self, provider: Provider) -> None:
        servicer, connection = provider.servicer, provider.connection

        servicer.Attach(plugin_pb2.PluginAttach(address="127.0.0.1:1"), connection)
        info = servicer.GetPluginInfo(empty_pb2.Empty(), connection)
        schema = servicer.GetSchema(provider_pb2.GetSchemaRequest(), connection)

        assert int(info.version.partition(".")[0]) >= 7
        assert json.loads(schema.schema) == {"name": "aws"}


class TestConfigure:
    def test_binds_a_connection_to_its_region(self, provider: Provider, second: Connection) -> None:
        provider.configure(second, region="eu-west-1")

        here, there = (provider.role(connection, type=TOPIC, name="t") for connection in (provider.connection, second))

        assert [made.id.split(":")[3] for made in (here, there)] == ["us-east-1", "eu-west-1"]

    def test_is_required_before_other_calls(self, provider: Provider, second: Connection) -> None:
        with pytest.raises(Exception, match=r"The provider of aws was not configured\.") as aborted:
            provider.role(second)

        assert aborted.value.code is grpc.StatusCode.FAILED_PRECONDITION  # type: ignore[attr-defined]  # of the conftest

    def test_accepts_any_configuration(self, provider: Provider, wire_of: WireOf) -> None:
        request = provider_pb2.CheckRequest(news=wire_of({"region": "eu-west-1"}))

        assert provider.servicer.CheckConfig(request, provider.connection).inputs == request.news

    @pytest.mark.parametrize(
        ("news", "replaces"),
        [({"region": "us-east-1", "profile": "second"}, []), ({"region": "eu-west-1"}, ["region"])],
        ids=["same region", "another region"],
    )
    def test_replaces_a_provider_of_another_region(
        self, provider: Provider, wire_of: WireOf, news: dict[str, Any], replaces: list[str]
    ) -> None:
        request = provider_pb2.DiffRequest(old_inputs=wire_of({"region": "us-east-1"}), news=wire_of(news))

        assert list(provider.servicer.DiffConfig(request, provider.connection).replaces) == replaces


class TestCheck:
    def test_adds_an_automatic_name(self, provider: Provider, plain: Plain) -> None:
        checked = plain(provider.check(TOPIC, {}, randomSeed=b"1").inputs)

        assert checked == {"name": checked["name"], "__defaults": ["name"]}
        assert checked["name"].startswith("it-")

    def test_makes_another_name_for_another_seed(self, provider: Provider) -> None:
        first, again, second = (provider.check(TOPIC, {}, randomSeed=seed).inputs for seed in (b"1", b"1", b"2"))

        assert first == again != second

    def test_keeps_the_previous_automatic_name(self, provider: Provider) -> None:
        before = provider.check(TOPIC, {}, randomSeed=b"1").inputs

        after = provider.check(TOPIC, {"displayName": "Alarms"}, randomSeed=b"2", olds=before).inputs

        assert after["name"] == before["name"]

    def test_returns_unknown_values(self, provider: Provider, plain: Plain) -> None:
        given = {"name": "t", "tags": {"a": "04da6b54-80e4-46f7-96ec-b56ff0331ba9"}}

        assert plain(provider.check(TOPIC, given).inputs) == given

    def test_reports_every_failure_without_the_value(self, provider: Provider) -> None:
        failures = provider.check(ROLE, {"name": "not a name"}).failures

        assert [failure.property for failure in failures] == ["", ""]
        assert [failure.reason.partition(":")[0] for failure in failures] == ["assumeRolePolicy", "name"]

    def test_refuses_a_type_without_rules(self, provider: Provider) -> None:
        failures = provider.check("aws:chime/voiceConnector:VoiceConnector", {}).failures

        assert [failure.reason for failure in failures] == [
            "The simulated cloud has no rules for aws:chime/voiceConnector:VoiceConnector."
        ]


class TestCreate:
    def test_creates_the_resource(self, provider: Provider) -> None:
        made = provider.role(name="r")

        assert (made.id, made.properties["name"]) == ("r", "r")
        assert provider.cloud().list_resources() == [(ROLE, "r")]

    def test_creates_nothing_in_a_preview(self, provider: Provider) -> None:
        planned = provider.role(name="r", preview=True)

        assert (planned.id, planned.properties["uniqueId"]) == ("", "04da6b54-80e4-46f7-96ec-b56ff0331ba9")
        assert provider.cloud().list_resources() == []

    @pytest.mark.parametrize(
        ("status", "code"),
        [
            (400, grpc.StatusCode.FAILED_PRECONDITION),
            (403, grpc.StatusCode.PERMISSION_DENIED),
            (404, grpc.StatusCode.NOT_FOUND),
            (409, grpc.StatusCode.ALREADY_EXISTS),
            (429, grpc.StatusCode.RESOURCE_EXHAUSTED),
            (500, grpc.StatusCode.UNKNOWN),
            (504, grpc.StatusCode.UNKNOWN),
        ],
    )
    def test_reports_a_refusal_by_its_status(self, provider: Provider, status: int, code: grpc.StatusCode) -> None:
        fault = ScriptedFault(FaultEffect.REFUSE, code="Broken", message="It broke.", status=status)
        provider.faults = FaultScript((fault,))
        provider.configure(provider.connection)

        with pytest.raises(Exception, match=f"creating {ROLE} .it.: .*: {status}, Broken: It broke.$") as aborted:
            provider.role(name="r")

        assert aborted.value.code is code  # type: ignore[attr-defined]  # of the conftest

    def test_returns_an_incomplete_resource(self, provider: Provider) -> None:
        provider.faults = FaultScript((ScriptedFault(FaultEffect.PARTIAL),))
        provider.configure(provider.connection)

        with pytest.raises(Exception, match="could not be completed"):
            provider.role(name="r")

        left = provider.connection.init_failed()
        assert (left.id, left.properties["name"], left.inputs["name"]) == ("r", "r", "r")

    def test_does_not_return_a_resource_after_a_timeout(self, provider: Provider) -> None:
        provider.faults = FaultScript((ScriptedFault(FaultEffect.CREATED_BUT_TIMEOUT),))
        provider.configure(provider.connection)

        with pytest.raises(Exception, match="StatusCode: 504"):
            provider.role(name="r")

        assert (provider.connection.trailers, provider.cloud().list_resources()) == ({}, [(ROLE, "r")])


class TestRead:
    def _read(self, provider: Provider, id_: str, **known: Any) -> provider_pb2.ReadResponse:
        request = provider_pb2.ReadRequest(id=id_, urn="urn:it", name="it", type=ROLE, **known)
        answer: provider_pb2.ReadResponse = provider.servicer.Read(request, provider.connection)
        return answer

    def test_is_empty_for_a_missing_resource(self, provider: Provider) -> None:
        assert self._read(provider, "nobody") == provider_pb2.ReadResponse()

    def test_leaves_out_what_the_cloud_computed_within_an_input(
        self, provider: Provider, wire_of: WireOf, plain: Plain
    ) -> None:
        made = provider.role(name="r", tags={"by": "us"})

        read = self._read(provider, "r", inputs=wire_of({"name": "r", "tags": {}}), properties=made.properties)

        assert plain(read.inputs) == {"name": "r", "tags": {}}

    def test_keeps_what_the_cloud_never_tells_within_an_input(
        self, provider: Provider, wire_of: WireOf, plain: Plain
    ) -> None:
        made = provider.role(name="r", tags={"by": "us"})
        inputs = wire_of({"name": "r", "tags": {"by": "us", "secret": "value"}})

        read = self._read(provider, "r", inputs=inputs, properties=made.properties)

        assert plain(read.inputs) == {"name": "r", "tags": {"by": "us", "secret": "value"}}

    def test_updates_old_inputs(self, provider: Provider, wire_of: WireOf, plain: Plain) -> None:
        made = provider.role(name="r", tags={"by": "us"})
        inputs = {"name": "it", "__defaults": ["name"], "path": "", "description": "gone", "tags": {}}

        known = wire_of({**plain(made.properties), "tags": {}})

        read = self._read(provider, "r", inputs=wire_of(inputs), properties=known)

        assert plain(read.inputs) == {"name": "r", "__defaults": ["name"], "path": "/", "tags": {"by": "us"}}

    def test_derives_inputs_of_an_imported_resource(self, provider: Provider) -> None:
        made = provider.role(name="r")

        read = self._read(provider, "r")

        assert read.properties == made.properties
        assert {"name", "assumeRolePolicy"} <= set(read.inputs) < set(made.properties)


class TestUpdate:
    def _update(self, provider: Provider, news: struct_pb2.Struct, **more: Any) -> provider_pb2.UpdateResponse:
        olds = provider.role(name="r").properties
        request = provider_pb2.UpdateRequest(id="r", urn="urn:it", name="it", type=ROLE, olds=olds, news=news, **more)
        answer: provider_pb2.UpdateResponse = provider.servicer.Update(request, provider.connection)
        return answer

    def test_changes_the_resource(self, provider: Provider, wire_of: WireOf) -> None:
        updated = self._update(provider, wire_of({"name": "r", "assumeRolePolicy": "{}", "description": "new"}))

        assert updated.properties["description"] == "new"
        assert (provider.cloud().read(ROLE, "r") or {})["description"] == "new"

    def test_changes_nothing_in_a_preview(self, provider: Provider, wire_of: WireOf) -> None:
        news = wire_of({"name": "r", "assumeRolePolicy": "{}", "description": "new"})

        planned = self._update(provider, news, preview=True)

        assert planned.properties["description"] == "new"
        assert "description" not in (provider.cloud().read(ROLE, "r") or {})


class TestDelete:
    def test_removes_the_resource(self, provider: Provider) -> None:
        made = provider.role(name="r")
        request = provider_pb2.DeleteRequest(id="r", urn="urn:it", name="it", type=ROLE, properties=made.properties)

        provider.servicer.Delete(request, provider.connection)

        assert provider.cloud().list_resources() == []


class TestInvoke:
    def test_answers_a_data_source(self, provider: Provider) -> None:
        request = provider_pb2.InvokeRequest(tok="aws:index/getRegion:getRegion")

        answer = provider.servicer.Invoke(request, provider.connection)

        assert getattr(answer, "return")["region"] == "us-east-1"

    def test_refuses_an_unknown_data_source(self, provider: Provider) -> None:
        request = provider_pb2.InvokeRequest(tok="aws:index/getWeather:getWeather")

        with pytest.raises(Exception, match="UnknownInvoke: The simulated cloud does not answer aws:index/getWeather"):
            provider.servicer.Invoke(request, provider.connection)


class TestCancel:
    def test_does_nothing(self, provider: Provider) -> None:
        assert provider.servicer.Cancel(empty_pb2.Empty(), provider.connection) == empty_pb2.Empty()
