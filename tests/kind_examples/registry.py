"""All examples: one module per layer adds its tuple here."""

from __future__ import annotations

from collections.abc import Iterator

from semantest_iac.domain.blueprints.capabilities import RESOURCE_KINDS
from semantest_iac.infrastructure.clouds.built_in import CLOUD_ENTRIES
from tests.kind_examples.containers import CONTAINER_EXAMPLES
from tests.kind_examples.database import DATABASE_EXAMPLES
from tests.kind_examples.example import KindExample
from tests.kind_examples.gateway import GATEWAY_EXAMPLES
from tests.kind_examples.messages import MESSAGE_EXAMPLES
from tests.kind_examples.network import NETWORK_EXAMPLES
from tests.kind_examples.observability import OBSERVABILITY_EXAMPLES
from tests.kind_examples.security import SECURITY_EXAMPLES
from tests.kind_examples.services import SERVICE_EXAMPLES
from tests.kind_examples.sites import SITE_EXAMPLES

EXAMPLES: tuple[KindExample, ...] = (
    *SERVICE_EXAMPLES,
    *NETWORK_EXAMPLES,
    *SECURITY_EXAMPLES,
    *OBSERVABILITY_EXAMPLES,
    *MESSAGE_EXAMPLES,
    *DATABASE_EXAMPLES,
    *GATEWAY_EXAMPLES,
    *CONTAINER_EXAMPLES,
    *SITE_EXAMPLES,
)
PROVIDERS = tuple(CLOUD_ENTRIES)


def find_kinds_without_example() -> Iterator[str]:
    """Yield the kinds that have no row."""
    covered = {example.kind for example in EXAMPLES}
    yield from (kind.__name__ for kind in RESOURCE_KINDS if kind not in covered)
