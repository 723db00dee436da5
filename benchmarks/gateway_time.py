"""A profile of the gateway's own processor time: requests to a Node server, and messages among a hundred clients, for
whose functions it provides a table and the connections. Functions run in processes of their own.
"""

from __future__ import annotations

import json
import pstats
import re
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from benchmarks.clients import measure_conversation, measure_requests
from benchmarks.gateway import AT_ONCE, NODE, bundled_stack, deploy, start_process

PARTS: Mapping[str, str] = {
    "HTTP and frames of WebSockets": r"/(aiohttp|multidict|yarl|frozenlist|propcache)/|/presentation/",
    "simulated tables and connections": r"/(loopback|tables|web_sockets|web_socket_connections)\.py",
    "event loop and sockets": r"/(asyncio|selectors|socket)",
    "route, event and answer, versions, logs": r"/(local_service|urllib)/|/(api_gateway|azure_functions|uuid)\.py",
    "path to a process and back": r"/(function_runtimes|json)/",
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
Function = tuple[str, int, str]  # file, line and name of a function
Times = tuple[int, int, float, float]  # primitive and total calls, and seconds without and with callees
LOADS: Mapping[str, Callable[[str], object]] = {
    "requests": lambda url: measure_requests(f"{url}/{NODE}/health", 3000, AT_ONCE),
    "messages": lambda url: measure_conversation(f"{url}/{bundled_stack('websocket', 'aws')}/", 100, 3000),
}


def rows() -> list[dict[str, Any]]:
    """The share of each part in the time of all parts; the start is in none."""
    with tempfile.TemporaryDirectory() as folder:
        deploy(Path(folder))
        shares = {what: _measure_shares(Path(folder), load) for what, load in LOADS.items()}
    return [{"part": part, **{what: f"{found[part]:.0%}" for what, found in shares.items()}} for part in PARTS]


def _measure_shares(place: Path, load: Callable[[str], object]) -> Mapping[str, float]:
    file = place / "profile"
    command = [sys.executable, "-c", PROFILED, str(file), "serve", "--port", "0", "--json"]
    with start_process(command, place) as (_, first):
        load(json.loads(first)["url"])
    spent = dict.fromkeys([*PARTS, ""], 0.0)
    for function, (_, _, own, _, callers) in pstats.Stats(str(file)).stats.items():  # type: ignore[attr-defined] # typeshed leaves it out
        for owner, seconds in _attribute(function, own, callers).items():
            spent[_part(owner)] += seconds
    known = sum(spent[part] for part in PARTS)
    return {part: spent[part] / known for part in PARTS}


def _attribute(
    function: Function, own: float, callers: Mapping[Function, tuple[int, int, float, float]]
) -> Mapping[Function, float]:
    """A built-in function is counted for its callers."""
    return {caller: times[2] for caller, times in callers.items()} if function[0] == "~" else {function: own}


def _part(function: Function) -> str:
    file, _, name = function
    return next((part for part, files in PARTS.items() if name != "<module>" and re.search(files, file)), "")


if __name__ == "__main__":
    for row in rows():
        print(json.dumps(row))
