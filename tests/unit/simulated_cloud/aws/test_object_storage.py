"""What S3 refuses of the lifecycle of a bucket."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

_LIFECYCLE = "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration"
_RULE: dict[str, Any] = {"id": "lifetime", "status": "Enabled", "expiration": {"days": 30}}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"rules": [{**_RULE, "expiration": {"days": 30, "expiredObjectDeleteMarker": True}}]}, "DeleteMarker"),
        ({"rules": [_RULE, _RULE]}, "Rule ID must be unique"),
        ({"bucket": "nowhere-at-all"}, "bucket does not exist"),
    ],
)
def test_an_impossible_lifecycle_is_refused(refused: Callable[..., Any], changes: dict[str, Any], reason: str) -> None:
    assert reason in refused(_LIFECYCLE, **changes).message
