"""Events over real brokers while broker and workers are killed; SEMANTEST_TRANSPORTS=1000 sends more of them."""

from __future__ import annotations

import os

import pytest

from tests.broker_clients import BROKER_CLIENTS
from tests.campaigns.transport_runner import TransportJob
from tests.campaigns.transports import run_on_broker

_EVENTS = int(os.environ.get("SEMANTEST_TRANSPORTS", "60"))
_SEED = int(os.environ.get("SEMANTEST_TRANSPORTS_SEED", "1"))


class TestBrokerKills:
    @pytest.mark.timeout(600)
    @pytest.mark.parametrize("broker", [kind.opener for kind in BROKER_CLIENTS])
    def test_lose_nothing_and_double_nothing(self, broker: str) -> None:
        report = run_on_broker(broker, TransportJob(_EVENTS, _SEED, kills=1, limit_s=480.0))

        assert report.faults == [], f"seed {_SEED}: {report}"
        assert report.sent >= _EVENTS
