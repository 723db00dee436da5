"""Every example on every cloud, as parameters of tests: where the cloud has a program for the kind, and where not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from semantest_iac.infrastructure.cloud_programs.cloud import find_cloud
from tests.kind_examples.registry import EXAMPLES, PROVIDERS


def _list_pairs(*, supported: bool) -> Iterator[Any]:
    for example in EXAMPLES:
        for provider in PROVIDERS:
            reason = find_cloud(provider).capabilities.unsupported_reason(example.kind)
            if bool(reason) is not supported:
                yield pytest.param(example, provider, id=f"{provider} {example}")


SUPPORTED_PAIRS = list(_list_pairs(supported=True))
UNSUPPORTED_PAIRS = list(_list_pairs(supported=False))
