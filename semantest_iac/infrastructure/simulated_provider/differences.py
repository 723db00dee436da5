"""A difference in the engine's form."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import zip_longest

from pulumi.runtime.proto import provider_pb2

from semantest_iac.infrastructure.simulated_cloud.differences import Diff

_STEP = re.compile(r"""[^.\[\]"]+""")


def told(diff: Diff, ignored: Iterable[str]) -> provider_pb2.DiffResponse:
    """The difference without what is to be ignored: the engine keeps old inputs there, but not what drifted."""
    patterns = [_STEP.findall(path) for path in ignored]
    kept = {path: kind for path, kind in diff.detailed.items() if not _is_ignored(_STEP.findall(path), patterns)}
    replaces = _names(path for path, kind in kept.items() if kind.endswith("replace"))
    some, none = provider_pb2.DiffResponse.DIFF_SOME, provider_pb2.DiffResponse.DIFF_NONE
    return provider_pb2.DiffResponse(
        changes=some if kept else none,
        diffs=_names(kept),
        replaces=replaces,
        deleteBeforeReplace=bool(replaces) and diff.delete_before_replace,
        detailedDiff={path: _property_diff(kind) for path, kind in kept.items()},
        hasDetailedDiff=True,
    )


def _is_ignored(steps: Sequence[str], patterns: Iterable[Sequence[str]]) -> bool:
    return any(all(p in (None, "*", step) for p, step in zip_longest(pattern, steps)) for pattern in patterns)


def _names(paths: Iterable[str]) -> list[str]:
    return sorted({_STEP.findall(path)[0] for path in paths})


def _property_diff(kind: str) -> provider_pb2.PropertyDiff:
    return provider_pb2.PropertyDiff(kind=provider_pb2.PropertyDiff.Kind.Value(kind.upper().replace("-", "_")))
