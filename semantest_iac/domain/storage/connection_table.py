"""Who is connected."""

from __future__ import annotations

from dataclasses import dataclass

from semantest_iac.domain.networking.apis import LONGEST_CONNECTION_S
from semantest_iac.domain.resource import Resource


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionTable(Resource):
    """One row per connection, by its id and by the kind of client; a row is gone some time after `lifetime_s`.

    A connection that ended unseen leaves a row behind, so the lifetime must outlast every connection.
    """

    lifetime_s: int = 2 * LONGEST_CONNECTION_S
