"""The version of a function that receives traffic."""

from __future__ import annotations

from dataclasses import dataclass

from semantest_iac.domain.resource import Ref, Resource


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveVersion(Resource):
    """A fixed address that points at one published version, with `warm` copies kept ready."""

    function: Ref
    warm: int = 0
