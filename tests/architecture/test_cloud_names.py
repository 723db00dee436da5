"""What only one cloud knows lies in that cloud's entry: the domain names clouds in CloudProvider alone."""

from __future__ import annotations

import re
from pathlib import Path

_CLOUDS = re.compile(r"\b(aws|azure|cloudwatch|lambda (?!\w+:)|api gateway|dynamodb|key vault|entra)\b", re.IGNORECASE)
_ALLOWED = ['AWS = "aws"', 'AZURE = "azure"', "DEFAULT_PROVIDER = CloudProvider.AWS.value"]


class TestDomain:
    def test_names_clouds_only_in_cloud_provider(self, root: Path) -> None:
        lines = [
            line.strip()
            for path in sorted((root / "semantest_iac" / "domain").rglob("*.py"))
            for line in path.read_text(encoding="utf-8").splitlines()
        ]

        assert [line for line in lines if _CLOUDS.search(line)] == _ALLOWED
