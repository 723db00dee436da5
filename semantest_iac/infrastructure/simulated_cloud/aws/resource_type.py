"""What nearly every AWS type has: a region and tags."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from semantest_iac.infrastructure.simulated_cloud.schema.properties import (
    Count,
    Evidence,
    Length,
    Property,
    map_of,
    text,
)
from semantest_iac.infrastructure.simulated_cloud.schema.rules import OutputSource

REGION_PROPERTY: Final[Mapping[str, Property]] = {"region": text(replaces=True, settled=True)}
TAGS_PROPERTY: Final[Mapping[str, Property]] = {
    "tags": map_of(text(Length(0, 256, Evidence.DOC)), Count(0, 50, Evidence.DOC)),
}
REGION_OUTPUT: Final[Mapping[str, OutputSource]] = {"region": "{region}"}
TAGS_OUTPUT: Final[Mapping[str, OutputSource]] = {"tagsAll": lambda facts: facts["tags"] or {}}
REGION_AND_TAGS_OUTPUTS: Final[Mapping[str, OutputSource]] = {**REGION_OUTPUT, **TAGS_OUTPUT}
