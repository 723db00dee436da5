"""Every example on every cloud, as parameters of tests: where the cloud has a program for the kind, and where not.

Where it has one without a feature that the example needs, the example is left out: it is refused before a program runs.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from semantest_iac.domain.blueprints.capabilities import Feature, find_required
from semantest_iac.infrastructure.cloud_programs.cloud import find_cloud
from tests.contract.kinds.lives import example_stack
from tests.kind_examples.example import KindExample
from tests.kind_examples.registry import EXAMPLES, PROVIDERS


def _list_pairs(*, supported: bool) -> Iterator[Any]:
    for example in EXAMPLES:
        for provider in PROVIDERS:
            cloud = find_cloud(provider).capabilities
            reason = cloud.unsupported_reason(example.kind)
            if bool(reason) is not supported and (reason or not _lacks_feature(example, provider)):
                yield pytest.param(example, provider, id=f"{provider} {example}")


def _lacks_feature(example: KindExample, provider: str) -> bool:
    cloud = find_cloud(provider).capabilities
    required = find_required(example.blueprint(example_stack(provider)))
    return any(
        it.kind is example.kind and bool(cloud.unsupported_reason(it)) for it in required if isinstance(it, Feature)
    )


SUPPORTED_PAIRS = list(_list_pairs(supported=True))
UNSUPPORTED_PAIRS = list(_list_pairs(supported=False))
