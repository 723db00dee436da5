"""Images of services in simulated clouds, without a network: they follow the source, and go back without it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import semantest_iac
from semantest_iac.domain.errors import ValidationError

_CONFIGURATION = """\
components:
  shop:
    type: services
    services:
      orders-api: {source: ./orders, start: node server.js}
"""


_PROJECT = '{"dependencies": {"nowhere-to-be-found": "1"}}'


@pytest.fixture
def configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "orders").mkdir()
    (tmp_path / "orders" / "server.js").write_text("// first\n")
    (tmp_path / "orders" / "package.json").write_text(_PROJECT)
    written = tmp_path / "semantest.yaml"
    written.write_text(_CONFIGURATION)
    return written


@pytest.mark.parametrize("provider", ["aws", "azure"])
def test_follow_the_source_and_go_back_without_it(provider: str, configuration: Path) -> None:
    semantest_iac.deploy("shop", provider)
    again = semantest_iac.preview("shop", provider)
    (configuration.parent / "orders" / "server.js").write_text("// second\n")
    changed = semantest_iac.preview("shop", provider)
    semantest_iac.deploy("shop", provider)
    shutil.rmtree(configuration.parent / "orders")

    semantest_iac.rollback("shop", provider)

    (configuration.parent / "orders").mkdir()
    (configuration.parent / "orders" / "server.js").write_text("// first\n")
    (configuration.parent / "orders" / "package.json").write_text(_PROJECT)
    assert again.is_empty
    assert any("@sha256:" in str(it.new) for change in changed.resources for it in change.properties)
    assert semantest_iac.preview("shop", provider).is_empty


@pytest.mark.parametrize("file", ["main.go", "Dockerfile"])
def test_need_to_know_on_what_they_stand(file: str, configuration: Path) -> None:
    folder = configuration.parent / "orders"
    shutil.rmtree(folder)
    folder.mkdir()
    (folder / file).write_text("")
    configuration.write_text(_CONFIGURATION.replace("node server.js", "./server"))

    with pytest.raises(ValidationError) as refused:
        semantest_iac.preview("shop")

    [fault] = refused.value.faults
    assert fault.path == "components.shop.services.orders-api.base"
    assert "neither package.json nor requirements.txt" in fault.message
    assert ("Build the Dockerfile" in fault.hint) is (file == "Dockerfile")
