"""The inventory file: shared by processes, atomic, and without secret values."""

from __future__ import annotations

import multiprocessing
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from semantest_iac.infrastructure.simulated_cloud.aws.catalogue import simulated_aws
from semantest_iac.infrastructure.simulated_cloud.runtime.inventory import Inventory
from semantest_iac.infrastructure.simulated_cloud.schema.refusals import CloudRefusal, CreatedResource

TOPIC = "aws:sns/topic:Topic"
ROLE = "aws:iam/role:Role"
TRUST = '{"Statement": []}'


class TestInventory:
    def test_keeps_resources_after_a_restart(self, tmp_path: Path) -> None:
        first = Inventory(tmp_path / "cloud.db")
        made = simulated_aws(first, region="us-east-1").create(TOPIC, {"name": "a"}, owner="urn:a")
        first.close()

        again = simulated_aws(Inventory(tmp_path / "cloud.db"), region="us-east-1")

        assert again.read(TOPIC, made.id) == made.outputs

    def test_keeps_virtual_time(self, tmp_path: Path) -> None:
        simulated_aws(Inventory(tmp_path / "cloud.db"), region="us-east-1").create(TOPIC, {"name": "a"}, owner="urn:a")

        with Inventory(tmp_path / "cloud.db").read_without_transaction() as reader:
            assert reader.virtual_seconds() > 0

    def test_rolls_back_a_failed_transaction(self, inventory: Inventory) -> None:
        with pytest.raises(RuntimeError), inventory.transaction() as transaction:
            transaction.catch_up_virtual_seconds(100)
            raise RuntimeError

        with inventory.read_without_transaction() as reader:
            assert reader.virtual_seconds() == 0

    def test_stores_no_secret_value(self, tmp_path: Path, samples: Any) -> None:
        inventory = Inventory(tmp_path / "cloud.db")
        cloud = simulated_aws(inventory, region="us-east-1")
        world: dict[str, CreatedResource] = {}
        for type_, sample in samples.items():
            world[type_] = cloud.create(type_, sample(world), owner=f"urn:{type_}")
        inventory.close()

        files = b"".join(path.read_bytes() for path in tmp_path.iterdir())

        assert b"correct horse" not in files
        assert b"STAGE" not in files
        assert b"api/database" in files


class TestTwoProcesses:
    """Two regions deploy at the same time, each in its own process."""

    def test_share_account_wide_types_only(self, tmp_path: Path) -> None:
        context = multiprocessing.get_context("spawn")
        results = context.SimpleQueue()
        regions = ("us-east-1", "eu-west-1")
        processes = [
            context.Process(target=_deploy, args=(str(tmp_path / "cloud.db"), region, results)) for region in regions
        ]

        for process in processes:
            process.start()
        outcomes = [results.get() for _ in processes]
        for process in processes:
            process.join(timeout=60)

        live = simulated_aws(Inventory(tmp_path / "cloud.db"), region="us-east-1").list_resources()
        assert [process.exitcode for process in processes] == [0, 0]
        assert sum(outcomes) == 20
        assert Counter(type_ for type_, _ in live) == {TOPIC: 40, ROLE: 20}

    def test_can_create_an_inventory_at_the_same_moment(self, tmp_path: Path) -> None:
        context = multiprocessing.get_context("spawn")
        start = context.Barrier(4)
        processes = [context.Process(target=_open_all, args=(str(tmp_path), start)) for _ in range(4)]

        for process in processes:
            process.start()
        for process in processes:
            process.join(timeout=60)

        assert [process.exitcode for process in processes] == [0, 0, 0, 0]


def _open_all(folder: str, start: Any) -> None:
    for number in range(20):
        start.wait(timeout=60)
        Inventory(Path(folder) / f"{number}.db").close()


def _deploy(path: str, region: str, results: Any) -> None:
    cloud = simulated_aws(Inventory(path), region=region)
    won = 0
    for number in range(20):
        cloud.create(TOPIC, {"name": f"topic-{number}"}, owner=f"urn:{region}:{number}")
        try:
            cloud.create(ROLE, {"name": f"role-{number}", "assumeRolePolicy": TRUST}, owner=f"urn:{region}:{number}")
            won += 1
        except CloudRefusal as refusal:
            assert refusal.code == "EntityAlreadyExists"
    results.put(won)
