"""The table of open WebSocket connections."""

from __future__ import annotations

from dataclasses import dataclass

from semantest_iac.domain.networking.apis import LONGEST_CONNECTION_S
from semantest_iac.domain.resource import Resource


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionTable(Resource):
    """One row per connection, by its id and by the type of client; rows expire some time after `lifetime_s`.

    A lost connection leaves its row behind, so the lifetime must be longer than any connection.
    """

    lifetime_s: int = 2 * LONGEST_CONNECTION_S
