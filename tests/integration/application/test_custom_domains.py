"""Domains of APIs from their first deployment to their last, in the sandbox of AWS."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from semantest_iac.application.ports.ledger import DeploymentRow
from semantest_iac.application.queries.history import list_local_domains
from semantest_iac.bootstrap.application import Application
from semantest_iac.domain.deployment.stack import Stack

_MAPPING = "aws:apigatewayv2/apiMapping:ApiMapping"
_GATEWAY = {"apis": {"orders": {"url": "https://orders.example.net"}}}
_ENTRANCES = [("rest-api", "https"), ("websocket", "wss"), ("gateway", "https")]


class Home:
    """A home with one stack, whose domain deployments change."""

    def __init__(self, folder: Path, component: str) -> None:
        self.folder, self.component = folder, component
        self.stack = Stack(component, "aws", "development", "us-east-1")
        self.application = Application(folder)
        self.variables = {"SEMANTEST_SECRET_JWT_SECRET": "a-secret-of-some-length"}
        self.prefix = "gateway_" if component == "gateway" else ""

    async def deploy(self, domain: str = "", zone: str = "") -> DeploymentRow:
        written = {key: value for key, value in (("domain", domain), ("dns_zone", zone)) if value}
        section: dict[str, Any] = {"gateway": {**_GATEWAY, **written}} if self.prefix else {"health": "none", **written}
        features = {"enable_api_management": True, "tracing": False}
        configuration = {"features": features, "components": {self.component: section}}
        return await self.application.deployments(self.variables).deploy(self.stack, configuration)

    def output(self, row: DeploymentRow, name: str) -> Any:
        return row.outputs.get(f"{self.prefix}{name}")

    def refuse_once(self, type_: str) -> None:
        script = [{"type": type_, "effect": "refuse", "call": 1}]
        (self.folder / "faults.json").write_text(json.dumps(script), encoding="utf-8")

    @property
    def domains(self) -> list[str]:
        """The domains at which something answers on this machine."""
        return sorted(list_local_domains(self.application.ledger))


@pytest.mark.parametrize(("component", "scheme"), _ENTRANCES)
async def test_a_domain_lives_with_its_records_elsewhere_and_in_a_zone(home: Path, component: str, scheme: str) -> None:
    """It is added, answered once its records are there, changed, moved into a zone and removed."""
    place = Home(home, component)
    without = await place.deploy()
    assert (without.state, place.output(without, "domain_url"), place.output(without, "dns_records")) == (
        "completed",
        None,
        None,
    )

    listed = await place.deploy("api.example.org")
    (proof,) = place.output(listed, "dns_records")
    assert (listed.changes["create"], place.output(listed, "domain_url"), place.domains) == (1, None, [])
    assert proof.split()[0].endswith(".api.example.org")

    answered = await place.deploy("api.example.org")
    assert place.output(answered, "domain_url") == f"{scheme}://api.example.org"
    assert place.output(answered, "dns_records")[0] == proof
    assert place.output(answered, "dns_records")[1].startswith("api.example.org CNAME d-")
    assert (answered.changes["create"], answered.endpoint, place.domains) == (3, without.endpoint, ["api.example.org"])
    again = await place.deploy("api.example.org")
    assert (again.changes["same"], place.domains) == (sum(again.changes.values()), ["api.example.org"])

    changed = await place.deploy("v2.example.org")
    assert (place.output(changed, "domain_url"), len(place.output(changed, "dns_records"))) == (None, 1)

    zoned = await place.deploy("v2.example.org", "example.org")
    assert (place.output(zoned, "domain_url"), place.output(zoned, "dns_records")) == (
        f"{scheme}://v2.example.org",
        None,
    )
    assert len(place.output(zoned, "name_servers")) == 4

    removed = await place.deploy()
    assert (removed.state, place.output(removed, "domain_url"), place.domains) == ("completed", None, [])
    gone = await place.application.deployments(place.variables).destroy(place.stack)
    assert (gone.state, place.domains) == ("completed", [])


async def test_a_domain_that_fails_leaves_the_stack_as_it_was(home: Path) -> None:
    """Also where the deployment before had listed its records: they count for the next one, not for the way back."""
    place = Home(home, "rest-api")
    listed = await place.deploy("api.example.org")
    place.refuse_once(_MAPPING)
    failed = await place.deploy("api.example.org")
    assert (failed.state, failed.outputs) == ("rolled_back", listed.outputs)

    (home / "faults.json").unlink()
    answered = await place.deploy("api.example.org")
    place.refuse_once(_MAPPING)
    failed = await place.deploy("v2.example.org", "example.org")
    assert (failed.state, failed.outputs["domain_url"]) == ("rolled_back", "https://api.example.org")
    assert failed.outputs["dns_records"][0] == answered.outputs["dns_records"][0]

    (home / "faults.json").unlink()
    zoned = await place.deploy("v2.example.org", "example.org")
    place.refuse_once(_MAPPING)
    failed = await place.deploy("v3.example.org", "example.org")
    assert (failed.state, failed.outputs) == ("rolled_back", zoned.outputs)


async def test_a_domain_of_another_stack_of_the_account_is_refused(home: Path) -> None:
    await Home(home, "websocket").deploy("api.example.org", "example.org")

    second = await Home(home, "rest-api").deploy("api.example.org", "example.org")

    assert (second.state, "already exists" in str(second.error)) == ("rolled_back", True)
