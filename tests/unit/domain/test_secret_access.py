"""References to secrets, and rights to read them, fit together or are named."""

from __future__ import annotations

import pytest

from semantest_iac.domain.blueprints.blueprint import Blueprint
from semantest_iac.domain.blueprints.parts import IDENTITY_REF
from semantest_iac.domain.blueprints.secret_access import (
    SecretGrant,
    SecretReference,
    audit_secrets,
    list_references,
)
from semantest_iac.domain.deployment.deployment_service import BLUEPRINTS
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.environments.configuration import DeploymentConfiguration, resolve_component
from semantest_iac.domain.security.access import AppSecret

_STACK = Stack("rest-api", "aws", "development", "us-east-1")
_VALUES = {
    "components": {
        "rest-api": {
            "source": ".",
            "environment": {"TOKEN": "${secrets.token}", "PLAIN": "x"},
            "functions": {"create": {"handler": "a.b", "environment": {"URL": "${secrets.url}"}}},
            "routes": [{"methods": ["GET"], "path": "/"}, {"methods": ["POST"], "path": "/", "function": "create"}],
        }
    }
}


def _blueprint() -> Blueprint:
    configuration = DeploymentConfiguration.model_validate(_VALUES)
    settings = resolve_component(configuration, "rest-api", "development")
    return BLUEPRINTS["rest-api"](_STACK, 1, settings)


class TestReferences:
    @pytest.fixture
    def blueprint(self) -> Blueprint:
        return _blueprint()

    def test_name_function_variable_and_identity(self, blueprint: Blueprint) -> None:
        found = [(it.secret, it.function, it.variable, it.identity) for it in list_references(blueprint)]

        assert found == [
            ("token", "", "TOKEN", "identity"),
            ("token", "create", "TOKEN", "identity-create"),
            ("url", "create", "URL", "identity-create"),
        ]

    def test_are_under_the_main_identity_where_functions_share_it(self, blueprint: Blueprint) -> None:
        found = list_references(blueprint, {IDENTITY_REF, "secret-token"})

        assert {it.identity for it in found} == {IDENTITY_REF}

    def test_have_the_versions_that_were_set(self, blueprint: Blueprint) -> None:
        changed = blueprint.with_secret_versions({"token": "v1"})

        assert {it.key: it.version for it in changed.resources if isinstance(it, AppSecret)} == {
            "token": "v1",
            "url": "",
        }


class TestAudit:
    def test_names_what_does_not_fit(self) -> None:
        grants = [SecretGrant("token", "one", "a policy"), SecretGrant("token", "two", "a policy")]
        references = [SecretReference("token", "", "TOKEN", "one"), SecretReference("url", "", "URL", "one")]

        other, token, url = audit_secrets(["token", "other"], grants, references)

        assert (other.secret, other.grants, other.references) == ("other", (), ())
        assert ([it.identity for it in token.unused_grants], token.refused_references) == (["two"], ())
        assert (url.unused_grants, [it.variable for it in url.refused_references]) == ((), ["URL"])
