from __future__ import annotations

from hashlib import sha256
from pathlib import Path

from semantest_iac.domain.compute.functions import Artifact


class TestArtifact:
    def test_encodes_its_hash_in_base64(self) -> None:
        artifact = Artifact(sha256(b"").hexdigest(), Path("x.zip"), "app.handler", "python3.13", 0)

        assert artifact.source_code_hash == "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
