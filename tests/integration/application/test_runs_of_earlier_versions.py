"""A run that commit 8b55ede has begun is gone on with: its worker was killed after eleven of nineteen resources.

A second request of the same command waits behind it.
"""

from __future__ import annotations

import tarfile
from pathlib import Path

from semantest_iac.application.intake.deployment_specs import build_spec
from semantest_iac.application.queries.history import is_event_of
from semantest_iac.bootstrap.application import Application
from semantest_iac.domain.deployment.status import TERMINAL_EVENT_TYPES

ARCHIVE = Path(__file__).parent / "data" / "home-with-begun-run.tar.xz"
BEGUN, WAITING = "rest-api.aws.development.us-east-1", "websocket.aws.development.us-east-1"


async def test_ends_well(tmp_path: Path) -> None:
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(tmp_path, filter="data")
    application = Application(tmp_path / ".semantest")
    ledger = application.ledger
    before = {run.stack: run.deployment for run in application.run_queue.list_runs()}
    existing = [row.event["data"] for row in ledger.stream(BEGUN) if row.type == "infrastructure.function.deployed"]

    await application.worker({}).run_until_idle()

    assert before.keys() == {BEGUN, WAITING}
    for stack, deployment in before.items():
        types = [row.type for row in ledger.stream(stack) if is_event_of(row, deployment)]
        assert [type_ for type_ in types if type_ in TERMINAL_EVENT_TYPES] == ["infrastructure.deployment.completed"]
        assert types.count("infrastructure.journal.run.resumed") == (stack == BEGUN)
        loaded = application.configuration(folder=tmp_path, environ={})
        spec = build_spec(stack.partition(".")[0], loaded, application)
        use_cases = application.deployments({}, engine=spec.engine)
        plan = (await use_cases.preview(spec.stack, spec.configuration, settings=spec.settings, refresh=True)).plan
        assert (plan.mutations, plan.drift) == ((), ())
    names = {it["function_name"] for it in existing}
    assert names == {ledger.stack(BEGUN).outputs["function_name"]}
    assert ledger.verify().events > 0
