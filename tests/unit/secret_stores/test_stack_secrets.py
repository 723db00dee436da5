"""Deployments of a stack get what was set for it, and variables for all else."""

from __future__ import annotations

import pytest

from semantest_iac.application.ports.secret_store import SecretValue
from semantest_iac.application.queries.secret_versions import SetSecret
from semantest_iac.bootstrap.secrets.known_values import KnownSecretValues
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.errors import NotFoundError
from semantest_iac.infrastructure.secret_stores.stack_secrets import StackSecretStore
from semantest_iac.infrastructure.secret_stores.variables import VariableSecretStore

_STACK, _OTHER = (Stack("rest-api", "aws", environment, "us-east-1") for environment in ("qa", "staging"))
_SET = {(str(_STACK), "token"): SetSecret("v2", "arn:token")}


def _find(stack: Stack, name: str, version: str) -> SetSecret | None:
    newest = _SET.get((str(stack), name))
    return newest if newest and not version else SetSecret(version, "arn:token") if version == "v1" else None


@pytest.fixture
def store() -> StackSecretStore:
    return StackSecretStore(
        VariableSecretStore({"SEMANTEST_SECRET_TOKEN": "of the variable", "SEMANTEST_SECRET_URL": "url"}),
        _find,
        lambda stack, change: SecretValue(f"{change.address} {change.version} of {stack.environment}"),
    )


class TestStackSecretStore:
    def test_takes_what_was_set_for_the_stack_alone(self, store: StackSecretStore) -> None:
        assert store.of_stack(_STACK).reveal("token").expose() == "arn:token v2 of qa"
        assert store.of_stack(_STACK).of_stack(_OTHER).reveal("token").expose() == "of the variable"
        assert store.of_stack(_STACK).reveal("url").expose() == "url"
        assert store.reveal("token").expose() == "of the variable"

    def test_takes_the_versions_that_are_asked_for(self, store: StackSecretStore) -> None:
        assert store.of_stack(_STACK, {"token": "v1"}).reveal("token").expose() == "arn:token v1 of qa"
        assert store.of_stack(_STACK, {}).reveal("token").expose() == "of the variable"
        with pytest.raises(NotFoundError, match="'v9'"):
            store.of_stack(_STACK, {"token": "v9"}).reveal("token")

    def test_misses_what_neither_has(self) -> None:
        store = StackSecretStore(VariableSecretStore({}), _find, lambda *_: SecretValue("x"))

        assert store.missing(["token", "url"]) == ["token", "url"]
        assert store.of_stack(_STACK).missing(["token", "url"]) == ["url"]
        with pytest.raises(NotFoundError):
            store.of_stack(_STACK).reveal("url")


class TestKnownSecretValues:
    def test_are_removed_by_redactors_that_are_in_use_already(self) -> None:
        known = KnownSecretValues()
        redact = known.redactor(["hunter2-canary"])
        before = redact("hunter2-canary and later-canary")

        known.add("later-canary")

        assert before == "*** and later-canary"
        assert redact("hunter2-canary and later-canary") == "*** and ***"

    def test_change_nothing_without_a_value(self) -> None:
        assert KnownSecretValues().redactor([])("any text") == "any text"
