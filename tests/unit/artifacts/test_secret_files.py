from __future__ import annotations

import pytest

from semantest_iac.infrastructure.artifacts.secret_files import (
    holds_private_key,
    is_secret_dot_file,
    is_secret_folder,
    is_secret_name,
    may_hold_private_key,
)

# Sources: npm-packlist (.npmrc), GitHub's templates of .gitignore for Node, Python and Terraform, the .funcignore of
# Azure's Functions tools (local.settings.json), the lists of gitrob and shhgit, and the names under which AWS's,
# Google's and Firebase's consoles save keys.
SECRET = [
    ".env", ".ENV", ".env.local", ".envrc", "prod.env", ".npmrc", ".netrc", "_netrc", ".pypirc", ".pgpass",
    ".git-credentials", ".htpasswd", ".dockercfg", ".s3cfg", ".boto", ".terraformrc", "credentials", "credentials.csv",
    "credentials.json", "gcp-credentials.json", "alice_accessKeys.csv", "rootkey.csv",
    "application_default_credentials.json", "service-account.json", "my-service_account_key.json",
    "serviceAccountKey.json", "client_secret.json", "client_secret_12-ab.apps.googleusercontent.com.json",
    "shop-firebase-adminsdk-x1-0a1b.json", "secrets.json", "secrets.yaml", "secret.toml", "local.settings.json",
    "kubeconfig", "prod.kubeconfig", "admin-kubeconfig.yml", "terraform.tfstate", "terraform.tfstate.backup",
    "prod.tfvars", "prod.auto.tfvars.json", "Azure.PublishSettings", "store.p12", "store.PFX", "key.jks",
    "debug.keystore", "vault.kdbx", "putty.ppk", "office.ovpn", "id_rsa", "id_ed25519", "deploy_rsa", ".bash_history",
]  # fmt: skip
ORDINARY = [
    ".env.example", ".env.sample", "example.env", "credentials.py", "secrets.py", "environment", "account.json",
    "settings.json", "env.js", "cacert.pem", "public.pub", "main.tf", "tsconfig.json", "keystore.js", "kubeconfig.py",
    "client.json", "history.txt", "a.tfstates",
]  # fmt: skip


class TestIsSecretName:
    @pytest.mark.parametrize("name", SECRET)
    def test_recognizes_what_tools_keep_secrets_in(self, name: str) -> None:
        assert is_secret_name(name)

    @pytest.mark.parametrize("name", ORDINARY)
    def test_ignores_other_names(self, name: str) -> None:
        assert not is_secret_name(name)


class TestIsSecretDotFile:
    @pytest.mark.parametrize("name", [".env", ".env.local", ".npmrc"])
    def test_recognizes_what_no_published_package_holds(self, name: str) -> None:
        assert is_secret_dot_file(name)

    @pytest.mark.parametrize("name", ["prod.env", "credentials", "id_rsa"])
    def test_leaves_other_names_to_a_person_s_own_source(self, name: str) -> None:
        assert not is_secret_dot_file(name)


class TestIsSecretFolder:
    @pytest.mark.parametrize("name", [".aws", ".azure", ".ssh", ".kube", ".terraform", ".semantest", ".AWS"])
    def test_recognizes_folders_of_tools(self, name: str) -> None:
        assert is_secret_folder(name)

    @pytest.mark.parametrize("name", ["aws", ".github", "credentials"])
    def test_ignores_others(self, name: str) -> None:
        assert not is_secret_folder(name)


class TestPrivateKeys:
    @pytest.mark.parametrize("name", ["tls.pem", "TLS.PEM", "tls.key", "key.asc", "id_rsa.1", "shop-0a1b2c3d4e5f.json"])
    def test_are_looked_for_in_files_that_may_hold_one(self, name: str) -> None:
        assert may_hold_private_key(name)

    @pytest.mark.parametrize("name", ["tls.crt", "shop-12.json", "key.py"])
    def test_are_not_looked_for_elsewhere(self, name: str) -> None:
        assert not may_hold_private_key(name)

    @pytest.mark.parametrize(
        "content",
        [b"-----BEGIN PRIVATE KEY-----", b"-----BEGIN RSA PRIVATE KEY-----", b"-----BEGIN PGP PRIVATE KEY BLOCK-----"],
    )
    def test_are_recognized_by_their_first_line(self, content: bytes) -> None:
        assert holds_private_key(content)

    def test_are_not_certificates(self) -> None:
        assert not holds_private_key(b"-----BEGIN CERTIFICATE-----")
