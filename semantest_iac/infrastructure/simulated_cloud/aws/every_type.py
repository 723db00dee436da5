"""What nearly every AWS type has: a region, tags, and the shapes of common values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from semantest_iac.infrastructure.simulated_cloud.limits import Count, Evidence, Length
from semantest_iac.infrastructure.simulated_cloud.properties import Property, map_of, text
from semantest_iac.infrastructure.simulated_cloud.rules import Source

REGION: Final[Mapping[str, Property]] = {"region": text(replaces=True, settled=True)}
TAGS: Final[Mapping[str, Property]] = {
    "tags": map_of(text(Length(0, 256, Evidence.DOC)), Count(0, 50, Evidence.DOC)),
}
REGIONAL: Final[Mapping[str, Source]] = {"region": "{region}"}
TAGGED: Final[Mapping[str, Source]] = {"tagsAll": lambda facts: facts["tags"] or {}}
REGIONAL_AND_TAGGED: Final[Mapping[str, Source]] = {**REGIONAL, **TAGGED}
