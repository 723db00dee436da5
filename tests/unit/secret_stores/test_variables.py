from __future__ import annotations

import pickle

import pytest

from semantest_iac.application.ports.secret_store import SecretStore, SecretValue
from semantest_iac.domain.errors import NotFoundError
from semantest_iac.infrastructure.secret_stores.variables import VariableSecretStore

ENVIRON = {"SEMANTEST_SECRET_DB": "high", "SEMANTEST_SECRET_EMPTY": "", "DATABASE_URL": "someone else's"}
DOTENV = {"SEMANTEST_SECRET_DB": "low", "SEMANTEST_SECRET_REDIS": "only", "SEMANTEST_SECRET_EMPTY": "filled"}


@pytest.fixture
def store() -> SecretStore:
    return VariableSecretStore(ENVIRON, DOTENV)


class TestVariableSecretStore:
    @pytest.mark.parametrize(("name", "value"), [("db", "high"), ("redis", "only"), ("empty", "filled")])
    def test_reveals_the_first_value_that_is_set(self, store: SecretStore, name: str, value: str) -> None:
        assert store.reveal(name).expose() == value

    def test_lists_missing_names_once_and_sorted(self, store: SecretStore) -> None:
        assert store.missing(["zeta", "db", "alpha", "zeta"]) == ["alpha", "zeta"]

    def test_ignores_variables_of_other_programs(self, store: SecretStore) -> None:
        assert store.missing(["database_url"]) == ["database_url"]

    def test_hints_which_variable_to_set(self, store: SecretStore) -> None:
        with pytest.raises(NotFoundError) as caught:
            store.reveal("token")

        assert caught.value.message == "Cannot find secret 'token': it is not set."
        assert caught.value.hint == "Set SEMANTEST_SECRET_TOKEN in the environment or in .env."

    def test_hides_values_in_its_repr(self, store: SecretStore) -> None:
        assert "high" not in repr(store)


class TestSecretValue:
    def test_is_masked_in_every_text(self) -> None:
        value = SecretValue("hunter2")

        assert "hunter2" not in f"{value} {value!r} {value!s} {[value]}"

    def test_is_not_pickled(self) -> None:
        with pytest.raises(TypeError, match="not pickled"):
            pickle.dumps(SecretValue("hunter2"))
