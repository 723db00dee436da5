"""Recognizes files that hold secrets by the custom of tools: by their names, and private keys by their content.

The names are those that `npm pack`, the Functions tools and GitHub's templates of `.gitignore` leave out, and that
gitrob, shhgit and gitleaks report, where the file holds little else than secrets.
"""

from __future__ import annotations

import re
from typing import Final

SECRET_FOLDERS: Final = frozenset(
    {".semantest", ".ssh", ".aws", ".azure", ".gcloud", ".oci", ".kube", ".docker", ".gnupg", ".terraform"}
)
"""The state of this tool, and what the command-line tools of clouds keep in a home folder."""
SECRET_DOT_FILES: Final = frozenset({
    ".env", ".envrc", ".npmrc", ".netrc", "_netrc", ".pypirc", ".pgpass", ".my.cnf", ".mylogin.cnf", ".git-credentials",
    ".htpasswd", ".dockercfg", ".s3cfg", ".boto", ".terraformrc", ".vault-token", ".databrickscfg", ".sentryclirc",
    ".bash_history", ".zsh_history", ".mysql_history", ".psql_history", ".node_repl_history", ".python_history",
})  # fmt: skip
"""Never part of a published package, so that they are left out of installed modules too."""
_SECRET_NAMES: Final = frozenset(
    {"credentials", "kubeconfig", "rootkey.csv", "local.settings.json", "sftp-config.json", "rclone.conf"}
    | {"terraform.rc"}
    | {f"{stem}.{end}" for stem in ("secret", "secrets") for end in ("json", "yaml", "yml", "toml", "ini")}
    | {f"credentials.{end}" for end in ("json", "yaml", "yml", "toml", "ini", "xml", "csv", "txt", "db")}
)
_SECRET_ENDINGS: Final = (
    *(".env", ".tfstate", ".tfvars", ".tfvars.json", ".publishsettings"),
    *("credentials.json", "_accesskeys.csv", "kubeconfig.yaml", "kubeconfig.yml", ".kubeconfig", "-kubeconfig"),
    *(f"service{mark}account{end}.json" for mark in ("", "-", "_") for end in ("", "key", "-key", "_key")),
    *(".p12", ".pfx", ".pkcs12", ".jks", ".keystore", ".kdb", ".kdbx", ".ppk", ".ovpn", ".keychain"),
    *("_rsa", "_dsa", "_ecdsa", "_ed25519"),
)
_OAUTH_CLIENT: Final = re.compile(r"client[-_]?secrets?.*\.json")
_EXAMPLES: Final = re.compile(r"\.env\.(example|sample|template|dist)|(example|sample|template)\.env")
"""Copies without values, which are kept under version control."""
_KEY_ENDINGS: Final = (".pem", ".key", ".asc")
_KEY_PREFIXES: Final = ("id_rsa", "id_dsa", "id_ecdsa", "id_ed25519")
_SERVICE_ACCOUNT_KEY: Final = re.compile(r".+-[0-9a-f]{12}\.json")
"""The name under which Google's console saves the key of a service account."""
_PRIVATE_KEY: Final = re.compile(rb"PRIVATE KEY( BLOCK)?-----")


def is_secret_folder(name: str) -> bool:
    return name.lower() in SECRET_FOLDERS


def is_secret_dot_file(name: str) -> bool:
    """Return whether the name is one of the dot files that hold secrets, in installed modules too."""
    lower = name.lower()
    return lower in SECRET_DOT_FILES or (lower.startswith(".env.") and not _EXAMPLES.fullmatch(lower))


def is_secret_name(name: str) -> bool:
    """Return whether a file of a person's own source holds secrets by its name alone."""
    lower = name.lower()
    is_named = lower in _SECRET_NAMES or lower.endswith(_SECRET_ENDINGS)
    is_named = is_named or ".tfstate." in lower or "-firebase-adminsdk-" in lower
    is_named = is_named or (lower.startswith("client") and _OAUTH_CLIENT.fullmatch(lower) is not None)
    return is_secret_dot_file(name) or (is_named and not _EXAMPLES.fullmatch(lower))


def may_hold_private_key(name: str) -> bool:
    """Return whether the content decides: certificates are .pem files too, and are needed."""
    lower = name.lower()
    is_key = lower.endswith(_KEY_ENDINGS) or lower.startswith(_KEY_PREFIXES)
    return is_key or (lower.endswith(".json") and _SERVICE_ACCOUNT_KEY.fullmatch(lower) is not None)


def holds_private_key(content: bytes) -> bool:
    return _PRIVATE_KEY.search(content) is not None
