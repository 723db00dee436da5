"""Pipelines that move data between the folders of a store."""

from __future__ import annotations

from dataclasses import dataclass

from semantest_iac.domain.resource import Ref, Resource


@dataclass(frozen=True, slots=True, kw_only=True)
class DataPipeline(Resource):
    """Moves the objects of a store from the folder `source` to the folder `target`, every day at an `hour` of UTC.

    It acts as an identity of its own, which may use the store and nothing else. A `private` one reaches the store
    through the network of the stack only.
    """

    store: Ref
    source: str = "incoming"
    target: str = "processed"
    hour: int = 2
    private: bool = False
