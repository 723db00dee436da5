"""Options and a configuration become a deployment spec, or an error with every fault."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from semantest_iac.application.intake.deployment_specs import (
    ProviderRegion,
    accept_all,
    build_spec,
    expand_components,
    pair_regions_with_providers,
    resolve_stack,
    validate_components,
)
from semantest_iac.application.ports.secret_store import SecretStore, SecretValue
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.deployment.validation import ValidationService
from semantest_iac.domain.environments.configuration import DeploymentConfiguration
from semantest_iac.domain.errors import ConfigurationError, DeploymentError, Fault, RefusedError, ValidationError
from semantest_iac.domain.guardrails.engine_choice import EngineChoice, require_default_engine
from semantest_iac.domain.ports.artifact_builder import FunctionSource
from semantest_iac.infrastructure.clouds.built_in import CLOUD_ENTRIES
from tests.fakes.artifact_builder import FakeArtifactBuilder
from tests.fakes.control_points import ControlPoints


@dataclass(frozen=True)
class _Location:
    source: str
    line: int | None = None


@dataclass(frozen=True)
class _Loaded:
    configuration: DeploymentConfiguration = field(default_factory=DeploymentConfiguration)
    positions: Mapping[str, _Location] = field(default_factory=dict)
    faults: tuple[Fault, ...] = ()
    warnings: tuple[Fault, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)

    def locate(self, faults: Iterable[Fault]) -> tuple[Fault, ...]:
        return tuple(replace(fault, file="semantest.yaml") for fault in faults)


class _Secrets:
    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = variables

    def missing(self, names: Iterable[str]) -> list[str]:
        return sorted(set(names) - set(self._variables))

    def reveal(self, name: str) -> SecretValue:
        return SecretValue(self._variables[name])

    def of_stack(self, stack: Stack, versions: Mapping[str, str] | None = None) -> SecretStore:
        return self


class _Context:
    providers = CLOUD_ENTRIES

    def engine(self, stack: Stack, configuration: DeploymentConfiguration) -> EngineChoice:
        """Only the sandbox."""
        require_default_engine(stack.environment, ["sandbox"])
        return EngineChoice()

    validation = ValidationService(date(2026, 1, 1), CLOUD_ENTRIES)
    artifacts = FakeArtifactBuilder(ControlPoints())

    def secrets(self, variables: Mapping[str, str]) -> SecretStore:
        return _Secrets(variables)


class _EmptySources(FakeArtifactBuilder):
    """Finds no file of any function, and no fault in a runtime that is not written."""

    def find_packaging_faults(self, source: FunctionSource) -> tuple[Fault, ...]:
        runtimes = {source.runtime, *(code.runtime for code in source.functions.values())}
        faults = [Fault(f"functions.{name}.handler", "is not there") for name in source.functions]
        return (*faults, *(Fault("runtime", runtime) for runtime in runtimes if runtime))


def _loaded(values: Mapping[str, Any] | None = None, **fields: Any) -> _Loaded:
    return _Loaded(DeploymentConfiguration.model_validate(values or {}), **fields)


def _faults(component: str | None, written: _Loaded) -> list[str]:
    with pytest.raises(ValidationError) as raised:
        build_spec(component, written, _Context())
    return [fault.path for fault in raised.value.faults]


class TestBuildSpec:
    def test_uses_defaults_for_missing_parts(self) -> None:
        assert str(build_spec("rest-api", _loaded(), _Context()).stack) == "rest-api.aws.development.us-east-1"

    @pytest.mark.parametrize(
        ("said", "stack"),
        [
            ({"environment": "DEV", "region": "EU-West-1"}, "rest-api.aws.development.eu-west-1"),
            ({"provider": "azure", "region": "West US 2"}, "rest-api.azure.development.westus2"),
            ({"provider": "azure"}, "rest-api.azure.development.eastus"),
            ({"project": "shop"}, "shop.rest-api.aws.development.us-east-1"),
            ({"project": "semantest"}, "rest-api.aws.development.us-east-1"),
        ],
        ids=["capitals", "Azure's own spelling", "first region", "project", "default project"],
    )
    def test_accepts_aliases(self, said: dict[str, str], stack: str) -> None:
        assert str(resolve_stack("rest-api", _loaded(said), CLOUD_ENTRIES)) == stack

    def test_knows_a_component_with_a_name_of_its_own(self) -> None:
        spec = build_spec("users", _loaded({"components": {"users": {"type": "websocket"}}}), _Context())

        assert (str(spec.stack), spec.settings.type) == ("users.aws.development.us-east-1", "websocket")

    def test_takes_the_only_component_of_the_configuration(self) -> None:
        users = {"users": {"type": "websocket"}}

        assert build_spec(None, _loaded({"components": users}), _Context()).stack.component == "users"
        with pytest.raises(ValidationError) as refusal:
            build_spec(None, _loaded({"components": {**users, "rest-api": {}}}), _Context())
        assert [fault.hint for fault in refusal.value.faults] == ["Name one of them: rest-api, users, all."]

    def test_says_once_that_a_component_has_no_type(self) -> None:
        assert _faults("users", _loaded({"components": {"users": {}}})) == ["components.users"]
        assert _faults("users", _loaded({"components": {"users": {"type": "api"}}})) == ["components.users.type"]

    def test_gives_account_settings_no_project(self) -> None:
        assert str(resolve_stack("account", _loaded({"project": "shop"}), CLOUD_ENTRIES)).startswith("account.aws.")

    def test_refuses_a_project_that_is_no_name(self) -> None:
        assert _faults("rest-api", _loaded({"project": "My Shop", "provider": "moon"})) == ["provider", "project"]

    def test_refuses_an_unknown_provider(self) -> None:
        with pytest.raises(ValidationError) as refusal:
            build_spec("rest-api", _loaded({"provider": "moon"}), _Context())

        assert [(fault.path, fault.hint) for fault in refusal.value.faults] == [("provider", "Known: aws, azure.")]

    @pytest.mark.parametrize("written", [True, False, None])
    def test_knows_whether_the_access_log_is_turned_on(self, written: bool | None) -> None:
        values = {} if written is None else {"features": {"access_logs": written}}

        assert build_spec("rest-api", _loaded(values), _Context()).requests_access_log is bool(written)

    def test_hands_over_what_was_loaded_and_the_engine_alone(self) -> None:
        values = {"components": {"rest-api": {"memory": 512, "environment": {"KEY": "${secrets.key}"}}}}

        placed = build_spec("rest-api", _loaded(values, variables={"key": "x"}), _Context())

        assert placed.configuration == {**values, "engine": "sandbox", "cloud": "sandbox"}
        assert placed.variables == {"key": "x"}

    def test_resolves_sources_beside_their_file(self, tmp_path: Path) -> None:
        (tmp_path / "code").mkdir()
        values = {"components": {"rest-api": {"source": "code"}}}
        positions = {"components.rest-api.source": _Location(str(tmp_path / "own.yaml"), 3)}

        placed = build_spec("rest-api", _loaded(values, positions=positions), _Context())

        assert placed.configuration["components"]["rest-api"]["source"] == str(tmp_path / "code")

    def test_resolves_other_sources_in_the_working_directory(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "code").mkdir()
        monkeypatch.chdir(tmp_path)
        values = {"components": {"rest-api": {"source": "code"}}}
        positions = {"components.rest-api.source": _Location("--set")}

        placed = build_spec("rest-api", _loaded(values, positions=positions), _Context())

        assert placed.configuration["components"]["rest-api"]["source"] == str(tmp_path / "code")


class TestFaults:
    def test_come_all_at_once_with_their_locations(self) -> None:
        values = {"provider": "asw", "components": {"rest-api": {"memory": 64, "source": "nowhere"}}}

        with pytest.raises(ConfigurationError) as raised:
            build_spec("rest-apo", _loaded(values, faults=(Fault("extra", "unknown key"),)), _Context())

        found = {fault.path: fault.file for fault in raised.value.faults}
        assert found == {
            "extra": None,
            "component": "semantest.yaml",
            "provider": "semantest.yaml",
            "components.rest-api.memory": "semantest.yaml",
            "components.rest-api.source": "semantest.yaml",
        }

    @pytest.mark.parametrize("component", [None, "", "..", "a" * 300, "rest\napi"])
    def test_name_a_component_that_cannot_be_deployed(self, component: str | None) -> None:
        assert _faults(component, _loaded()) == ["component"]

    def test_name_secrets_without_a_value(self) -> None:
        values = {"components": {"rest-api": {"environment": {"KEY": "${secrets.key}"}}}}

        assert _faults("rest-api", _loaded(values)) == ["components.rest-api.environment.KEY"]

    @pytest.mark.parametrize("source", ["nowhere", "s" * 300], ids=["missing", "too long for a file system"])
    def test_name_missing_sources(self, source: str) -> None:
        assert _faults("rest-api", _loaded({"components": {"rest-api": {"source": source}}})) == [
            "components.rest-api.source"
        ]

    def test_name_sources_that_are_other_files(self, tmp_path: Path) -> None:
        source = tmp_path / "app.py"
        source.touch()

        with pytest.raises(ValidationError) as refusal:
            build_spec("rest-api", _loaded({"components": {"rest-api": {"source": str(source)}}}), _Context())

        [fault] = refusal.value.faults
        assert fault.path == "components.rest-api.source"
        assert fault.message.endswith("app.py' is neither a folder nor a .zip file")

    def test_name_a_component_once(self) -> None:
        assert _faults("rest-app", _loaded({"components": {"rest-app": {}}})) == ["components.rest-app"]

    def test_come_before_the_refusal_of_an_environment(self) -> None:
        values = {"environment": "production", "components": {"rest-api": {"memory": 64}}}

        assert _faults("rest-api", _loaded(values)) == ["components.rest-api.memory"]

    def test_are_absent_from_the_refusal_of_a_valid_request(self) -> None:
        with pytest.raises(RefusedError):
            build_spec("rest-api", _loaded({"environment": "production"}), _Context())


class TestValidateComponents:
    def test_warns_of_every_configured_component(self) -> None:
        variables = {"environment": {"KEY": "${secrets.key}"}}

        warnings = validate_components(
            None, _loaded({"components": dict.fromkeys(("websocket", "rest-api"), variables)}), _Context()
        )

        assert [warning.path for warning in warnings] == [
            "components.rest-api.environment.KEY",
            "components.websocket.environment.KEY",
        ]

    def test_refuses_code_that_cannot_be_packaged_at_its_place(self, tmp_path: Path) -> None:
        context = _Context()
        context.artifacts = FakeArtifactBuilder(ControlPoints())
        context.artifacts.faults = (Fault("handler", "is not there"), Fault("package.json", "is no JSON"))
        values = {"components": {"rest-api": {"source": str(tmp_path), "handler": "app.handler", "build": "make"}}}

        with pytest.raises(ValidationError) as refusal:
            validate_components("rest-api", _loaded(values), context)

        assert [(fault.path, fault.message, fault.file) for fault in refusal.value.faults] == [
            ("components.rest-api.handler", "is not there", "semantest.yaml"),
            ("components.rest-api.source", "package.json: is no JSON", "semantest.yaml"),
        ]

    def test_warns_of_what_packaging_will_say_at_its_place(self, tmp_path: Path) -> None:
        context = _Context()
        context.artifacts = FakeArtifactBuilder(ControlPoints())
        context.artifacts.notes = ("Left out 1 secret-looking file: .env.",)
        values = {"components": {"rest-api": {"source": str(tmp_path), "handler": "app.handler"}}}

        warnings = validate_components("rest-api", _loaded(values), context)

        assert [(warning.path, warning.message, warning.file) for warning in warnings] == [
            ("components.rest-api.source", "Left out 1 secret-looking file: .env.", "semantest.yaml")
        ]

    def test_looks_for_code_whatever_else_is_wrong(self, tmp_path: Path) -> None:
        context, routes = (
            _Context(),
            [{"path": "/a", "handler": "../a.handler"}, {"path": "/b", "handler": "b.handler"}],
        )
        context.artifacts = _EmptySources(ControlPoints())
        section = {"source": str(tmp_path), "runtime": "nodejs4.x", "memory": 1, "handler": "no", "routes": routes}
        functions = {"bad": {"handler": "x"}, "good": {"handler": "good.handler"}, "old": {"handler": "old.handler"}}
        functions["old"]["runtime"] = "nodejs2.x"
        routes += [{"path": f"/{name}", "function": name} for name in functions] + [{"path": "/"}]

        with pytest.raises(ValidationError) as refusal:
            validate_components(
                "rest-api", _loaded({"components": {"rest-api": {**section, "functions": functions}}}), context
            )

        found = {fault.path.removeprefix("components.rest-api."): fault.message for fault in refusal.value.faults}
        assert {path for path, message in found.items() if message == "is not there"} == {
            "functions.good.handler",
            "functions.old.handler",
            "routes[1].handler",
        }
        assert {"runtime", "memory", "handler", "routes[0].handler", "functions.bad.handler"} < {*found}

    def test_refuses_a_source_that_is_not_there(self) -> None:
        values = {"components": {"rest-api": {"source": "nowhere", "handler": "app.handler"}}}

        with pytest.raises(ValidationError) as refusal:
            validate_components("rest-api", _loaded(values), _Context())

        assert [fault.path for fault in refusal.value.faults] == ["components.rest-api.source"]


_KNOWN = {**CLOUD_ENTRIES, "meadow": replace(CLOUD_ENTRIES["aws"], name="meadow", regions=("north", "south"))}


class TestExpandComponents:
    def test_keeps_the_order_and_drops_repeats(self) -> None:
        assert expand_components(("rest-api", "moon", "rest-api")) == ["rest-api", "moon"]

    def test_expands_all(self) -> None:
        assert expand_components(("all",)) == expand_components(("all", "rest-api"))
        assert expand_components(("all",)) == ["rest-api", "websocket"]
        assert expand_components(("all",), {"users": None, "rest-api": None}) == ["rest-api", "users"]

    def test_expands_all_to_services_only(self) -> None:
        assert expand_components(("account", "all")) == ["account", *expand_components(("all",))]

    def test_leaves_a_missing_component_to_validation(self) -> None:
        assert expand_components(()) == [None]


class TestPairRegionsWithProviders:
    @pytest.mark.parametrize(
        ("providers", "regions", "found"),
        [
            ((), (), [(None, None)]),
            (("aws",), ("us-east-1", "eu-west-1", "us-east-1"), [("aws", "us-east-1"), ("aws", "eu-west-1")]),
            (("aws", "azure"), (), [("aws", None), ("azure", None)]),
            (("aws", "azure"), ("West US 2", "us-east-1"), [("azure", "West US 2"), ("aws", "us-east-1")]),
            (("aws", "azure"), ("moon", "us-east-1", "eastus"),
             [("aws", "moon"), ("aws", "us-east-1"), ("azure", "eastus")]),
            (("aws", "meadow"), ("north", "us-east-1"), [("meadow", "north"), ("aws", "us-east-1")]),
        ],
        ids=["nothing named", "one provider", "no region", "one each", "unknown region", "third provider"],
    )  # fmt: skip
    def test_pairs_each_region_with_the_provider_that_has_it(
        self, providers: tuple[str, ...], regions: tuple[str, ...], found: list[ProviderRegion]
    ) -> None:
        assert pair_regions_with_providers(providers, regions, _KNOWN) == found

    def test_refuses_a_provider_without_a_region(self) -> None:
        with pytest.raises(ValidationError) as refused:
            pair_regions_with_providers(("aws", "azure"), ("eu-west-1",), CLOUD_ENTRIES)

        assert [fault.message for fault in refused.value.faults] == ["none of the regions is of azure"]


def _fine() -> str:
    return "fine"


def _raise(error: DeploymentError) -> str:
    raise error


def _refusing(error: DeploymentError) -> Callable[[], str]:
    return partial(_raise, error)


def _wrong(*paths: str) -> Callable[[], str]:
    return _refusing(ValidationError("Wrong.", faults=[Fault(path, "wrong") for path in paths]))


class TestAcceptAll:
    def test_returns_every_result(self) -> None:
        assert accept_all([_fine, _fine]) == ["fine", "fine"]

    def test_raises_the_faults_of_all_once_each(self) -> None:
        with pytest.raises(ValidationError) as refused:
            accept_all([_wrong("a", "b"), _fine, _wrong("b", "c"), _refusing(RefusedError("no CLI"))])

        assert refused.value.message == "Cannot accept 3 of 4 stacks."
        assert [fault.path for fault in refused.value.faults] == ["a", "b", "c"]

    def test_raises_a_single_error_as_it_is(self) -> None:
        with pytest.raises(RefusedError, match="no CLI"):
            accept_all([_fine, _refusing(RefusedError("no CLI"))])
