"""How many instances of a service there should be."""

from __future__ import annotations

import pytest

from semantest_iac.domain.compute.containers import ServiceScaling
from semantest_iac.infrastructure.local_service.containers.service_spec import (
    ServiceLoad,
    ServiceSpec,
    count_wanted_instances,
)

_BY_REQUESTS = ServiceScaling(minimum=0, maximum=5, concurrent_requests=10)


@pytest.mark.parametrize(("requests", "wanted"), [(0, 0), (1, 1), (10, 1), (11, 2), (50, 5), (500, 5)])
def test_follow_requests_between_the_limits(requests: int, wanted: int) -> None:
    spec = ServiceSpec("orders-api", scaling=_BY_REQUESTS)

    assert count_wanted_instances(spec, ServiceLoad(requests), most=10) == wanted


@pytest.mark.parametrize(("waiting", "wanted"), [(0, 1), (20, 1), (21, 2), (1000, 3)])
def test_follow_waiting_messages(waiting: int, wanted: int) -> None:
    spec = ServiceSpec("orders-api", scaling=ServiceScaling(minimum=1, maximum=3), queues={"orders-queue": 20})

    assert count_wanted_instances(spec, ServiceLoad(messages={"orders-queue": waiting}), most=10) == wanted


def test_are_those_of_what_needs_most() -> None:
    spec = ServiceSpec("orders-api", scaling=_BY_REQUESTS, queues={"orders-queue": 20})

    assert count_wanted_instances(spec, ServiceLoad(11, {"orders-queue": 61}), most=10) == 4


def test_are_no_more_than_this_machine_runs() -> None:
    assert count_wanted_instances(ServiceSpec("a", scaling=ServiceScaling(minimum=4, maximum=9)), ServiceLoad(), 2) == 2


def test_a_request_always_finds_one() -> None:
    spec = ServiceSpec("orders-api", scaling=ServiceScaling(minimum=0, maximum=5), queues={"orders-queue": 20})

    assert count_wanted_instances(spec, ServiceLoad(1), most=10) == 1
