"""Send thousands of events over each broker, and kill it and the workers: none is lost, none is carried out twice."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from semantest_iac.infrastructure.transports.brokers.connections import silence_loggers
from tests.broker_clients import BROKER_CLIENTS
from tests.brokers import find_program, run_broker
from tests.campaigns.transport_runner import TransportJob, TransportReport, run_transport_job


def run_on_broker(opener: str, job: TransportJob) -> TransportReport:
    """Run one job on a server of its own."""
    kind = next(it for it in BROKER_CLIENTS if it.opener == opener)
    with TemporaryDirectory(prefix="semantest-transports-") as folder, run_broker(kind.kind) as server:
        return asyncio.run(run_transport_job(kind(server), job, Path(folder)))


def main(arguments: Sequence[str]) -> int:
    """Run on each broker that is here, print a line for each, and return 1 where a promise was broken."""
    names = [kind.opener for kind in BROKER_CLIENTS]
    parser = argparse.ArgumentParser("make campaign transports", description=__doc__)
    parser.add_argument("--broker", choices=names, action="append", help="all that are here by default")
    parser.add_argument("--events", type=int, default=10_000)
    parser.add_argument("--kills", type=int, default=2, help="of the broker, and as many of workers")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=1, help="not used: the brokers are tried one after the other")
    options = parser.parse_args(arguments)
    silence_loggers("aiokafka", "aiormq", "nats")  # of the plain clients, when their server is killed
    faults = 0
    for kind in BROKER_CLIENTS:
        if kind.opener not in (options.broker or names):
            continue
        if not find_program(kind.kind.program):
            print(f"{kind.opener}: not tried, {kind.kind.program} is not here")
            continue
        report = run_on_broker(kind.opener, TransportJob(options.events, options.seed, options.kills))
        print(f"{kind.opener}, seed {options.seed}: {report}: {'; '.join(report.faults) or 'as promised'}", flush=True)
        faults += len(report.faults)
    return int(faults > 0)
