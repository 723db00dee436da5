"""What nearly every AWS type has: a region and tags."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from semantest_iac.infrastructure.simulated_cloud.schema.properties import (
    DOC,
    Count,
    Length,
    Property,
    map_of,
    text,
)
from semantest_iac.infrastructure.simulated_cloud.schema.rules import OutputSource

REGION_PROPERTY: Final[Mapping[str, Property]] = {"region": text(force_new=True, computed_default=True)}
TAGS_PROPERTY: Final[Mapping[str, Property]] = {
    "tags": map_of(text(Length(0, 256, DOC)), Count(0, 50, DOC)),
}
REGION_OUTPUT: Final[Mapping[str, OutputSource]] = {"region": "{region}"}
TAGS_OUTPUT: Final[Mapping[str, OutputSource]] = {"tagsAll": lambda facts: facts["tags"] or {}}
REGION_AND_TAGS_OUTPUTS: Final[Mapping[str, OutputSource]] = {**REGION_OUTPUT, **TAGS_OUTPUT}
