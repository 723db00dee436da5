"""Which tests run in one process, one after the other: those that share what is deployed or started for them.

pytest-xdist would hand out tests one by one, and each process would prepare nearly everything that any of them need.
"""

from __future__ import annotations

import re

from xdist.scheduler import LoadScopeScheduling

_FOLDERS_WITH_SHARED_STACKS = ("tests/contract/http_service", "tests/contract/kinds", "tests/contract/web_sockets")
# Long tests that share nothing: one by one, so that no process waits for the other at the end.
_SEPARATE = (
    "tests/contract/http_service/test_frameworks.py",
    "tests/contract/provisioner/",
    "tests/contract/run_queue/",
    "tests/contract/stack_locks/",
    "tests/differential/test_engines_agree.py",
    "tests/e2e/test_bad_input.py",
    "tests/e2e/test_builds.py",
    "tests/e2e/test_gateway.py",
    "tests/e2e/test_interruptions.py",
    "tests/e2e/test_third_cloud.py",
    "tests/integration/application/",
    "tests/integration/artifacts/",
    "tests/integration/pulumi_engine/",
    "tests/integration/pulumi_program/",
    "tests/integration/sandbox_engine/",
    "tests/integration/transports/test_broker_kills.py",
)
_STACK_PARAMETER = re.compile(r"\b(?:aws|azure|sandbox|pulumi)(?=\b|_)")


class SharedStacksScheduling(LoadScopeScheduling):  # type: ignore[misc]  # xdist has no types
    """Gives a process all tests of a file, or those of one cloud and engine if a file has tests for several."""

    def _split_scope(self, nodeid: str) -> str:
        path, _, test = nodeid.partition("::")
        if path.startswith(_SEPARATE):
            return nodeid
        folder = path.rpartition("/")[0]
        parameters = _STACK_PARAMETER.findall(test.partition("[")[2])
        return " ".join([folder if folder in _FOLDERS_WITH_SHARED_STACKS else path, *parameters])
