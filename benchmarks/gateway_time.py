"""Where the gateway's own processor time goes, by a profile of it: requests to a Node server, and messages among a
hundred clients, whose functions it gives a table and a way to those connected. Functions have processes of their
own."""

from __future__ import annotations

import json
import pstats
import re
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from benchmarks.clients import conversation, requests
from benchmarks.gateway import AT_ONCE, NODE, deploy, running, stack_of

PARTS: Mapping[str, str] = {
    "HTTP and frames of WebSockets": r"/(aiohttp|multidict|yarl|frozenlist|propcache)/|/presentation/",
    "stand-ins for tables and connections": r"/(loopback|tables|web_sockets|web_socket_connections)\.py",
    "event loop and sockets": r"/(asyncio|selectors|socket)",
    "route, event and answer, versions, logs": r"/(local_service|urllib)/|/(api_gateway|azure_functions|uuid)\.py",
    "the way to a process and back": r"/(function_runtimes|json)/",
}
PROFILED = """
import cProfile, runpy, sys, time
profile, file = cProfile.Profile(time.process_time), sys.argv.pop(1)
sys.argv[0] = "semantest_iac"
try:
    profile.runcall(runpy.run_module, "semantest_iac", run_name="__main__")
finally:
    profile.dump_stats(file)
"""
Place = tuple[str, int, str]  # file, line and name of a function
Times = tuple[int, int, float, float]  # calls twice over, and seconds without and with what it calls
LOADS: Mapping[str, Callable[[str], object]] = {
    "requests": lambda url: requests(f"{url}/{NODE}/health", 3000, AT_ONCE),
    "messages": lambda url: conversation(f"{url}/{stack_of('websocket', 'aws')}/", 100, 3000),
}


def rows() -> list[dict[str, Any]]:
    """Shares of what has a place among the parts; starting up has none."""
    with tempfile.TemporaryDirectory() as folder:
        deploy(Path(folder))
        shares = {what: _shares(Path(folder), load) for what, load in LOADS.items()}
    return [{"part": part, **{what: f"{found[part]:.0%}" for what, found in shares.items()}} for part in PARTS]


def _shares(place: Path, load: Callable[[str], object]) -> Mapping[str, float]:
    file = place / "profile"
    command = [sys.executable, "-c", PROFILED, str(file), "serve", "--port", "0", "--json"]
    with running(command, place) as (_, first):
        load(json.loads(first)["url"])
    spent = dict.fromkeys([*PARTS, ""], 0.0)
    for function, (_, _, own, _, callers) in pstats.Stats(str(file)).stats.items():  # type: ignore[attr-defined] # typeshed leaves it out
        for owner, seconds in _owners(function, own, callers).items():
            spent[_part(owner)] += seconds
    known = sum(spent[part] for part in PARTS)
    return {part: spent[part] / known for part in PARTS}


def _owners(
    function: Place, own: float, callers: Mapping[Place, tuple[int, int, float, float]]
) -> Mapping[Place, float]:
    """What is built in belongs to whoever calls it."""
    return {caller: times[2] for caller, times in callers.items()} if function[0] == "~" else {function: own}


def _part(function: Place) -> str:
    file, _, name = function
    return next((part for part, files in PARTS.items() if name != "<module>" and re.search(files, file)), "")


if __name__ == "__main__":
    for row in rows():
        print(json.dumps(row))
