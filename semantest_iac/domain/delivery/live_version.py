"""The version of a function that receives requests."""

from __future__ import annotations

from dataclasses import dataclass

from semantest_iac.domain.resource import Ref, Resource


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveVersion(Resource):
    """A fixed address of one published version, with `warm` instances kept ready.

    It leads to the newest version, or to `version` where one is named; then the newest one gets `new_share` percent of
    the requests.
    """

    function: Ref
    warm: int = 0
    version: str = ""
    new_share: int = 0
