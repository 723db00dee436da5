"""What of a source folder is left out of every package, and why."""

from __future__ import annotations

from dataclasses import dataclass

VERSION_CONTROL = frozenset({".git", ".hg", ".svn"})
LEAVINGS = frozenset({".semantest", "__pycache__", ".DS_Store", ".venv"})
CREDENTIALS = frozenset({".env", ".npmrc", ".netrc", ".pypirc", ".ssh", ".aws"})
LEFT_OUT = VERSION_CONTROL | LEAVINGS | CREDENTIALS
LEFT_OUT_AT_THE_TOP = frozenset({"coverage", ".nyc_output", "venv"})  # deeper down these are real packages
LEFT_OUT_OF_MODULES = ("node_modules/.bin", "node_modules/.cache", "node_modules/.package-lock.json")
LEFT_OUT_ENDINGS = (".pyc", ".pyo")
KEY_STORES = (".p12", ".pfx")
MAY_HOLD_KEY_ENDINGS = (".pem", ".key")
MAY_HOLD_KEY_BEGINNINGS = ("id_rsa", "id_dsa", "id_ecdsa", "id_ed25519")
PRIVATE_KEY = b"PRIVATE KEY-----"  # by content: certificates are .pem files too, and are needed


@dataclass(frozen=True, slots=True)
class Selection:
    """Which paths of one folder stay behind: the tables above, plus `paths`, minus the names in `kept`."""

    paths: frozenset[str] = frozenset()
    top: frozenset[str] = LEFT_OUT_AT_THE_TOP
    kept: frozenset[str] = frozenset()

    def leaves_out(self, path: str, name: str) -> bool:
        """Whether a relative path stays behind; asked for a folder before it is entered."""
        if name in LEFT_OUT or name.startswith(".env."):
            return name not in self.kept
        if path in self.paths or path in self.top:
            return True
        return name.endswith(LEFT_OUT_ENDINGS) or path.endswith(LEFT_OUT_OF_MODULES)


def is_credential(name: str) -> bool:
    """Whether the tables leave the name out because it holds secrets, which the person is told."""
    return name in CREDENTIALS or name.startswith(".env.")


def is_key_store(name: str) -> bool:
    """Whether the name alone says that the file holds a private key."""
    return name.endswith(KEY_STORES)


def may_hold_a_key(name: str) -> bool:
    """Whether the content has to be looked at for a private key."""
    return name.endswith(MAY_HOLD_KEY_ENDINGS) or name.startswith(MAY_HOLD_KEY_BEGINNINGS)
