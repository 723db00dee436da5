"""What Lambda's runtimes bring, found on this machine."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from semantest_iac.domain.errors import RefusedError
from semantest_iac.infrastructure.function_runtimes import runtime_libraries
from semantest_iac.infrastructure.function_runtimes.function_spec import FunctionSpec
from semantest_iac.infrastructure.function_runtimes.runtime_libraries import (
    NODE_SDK_COMMAND,
    NodeSdk,
    find_missing_module_hint,
    find_node_sdk,
    link_runtime_modules,
    list_node_sdk_clients,
)

LOCK = Path(runtime_libraries.__file__).parent / "hosts" / "node_sdk" / "package-lock.json"
PYTHON = FunctionSpec(Path("package"), "app.handler", "python3.13")


class TestHint:
    @pytest.mark.parametrize(
        ("message", "brought", "how"),
        [
            ("Unable to import module 'app': No module named 'boto3'", "boto3", "semantest-iac[aws]"),
            ("No module named 'botocore.exceptions'", "botocore", "pip install boto3"),
            ("Error: Cannot find module '@aws-sdk/client-s3'\nRequire stack:", "@aws-sdk/client-s3", NODE_SDK_COMMAND),
            ("Cannot find package '@smithy/types' imported from /x", "@smithy/types", NODE_SDK_COMMAND),
        ],
    )
    def test_says_what_is_missing_and_how_to_get_it(self, message: str, brought: str, how: str) -> None:
        hint = find_missing_module_hint(PYTHON, message)

        assert f"bring {brought}, this machine does not" in hint
        assert how in hint

    @pytest.mark.parametrize("message", ["No module named 'requests'", "Cannot find module 'express'", "no boto3"])
    def test_is_silent_about_everything_else(self, message: str) -> None:
        assert find_missing_module_hint(PYTHON, message) == ""

    def test_is_silent_on_azure_which_brings_neither(self) -> None:
        app = FunctionSpec(Path("package"), "", "python3.13", platform="functions")

        assert find_missing_module_hint(app, "No module named 'boto3'") == ""


class TestPythonModules:
    def test_are_boto3_and_what_it_requires(self, tmp_path: Path) -> None:
        pytest.importorskip("boto3", reason="the extra aws is not installed")

        link_runtime_modules("python3.13", tmp_path / "runtime")

        names = {path.name for path in (tmp_path / "runtime").iterdir()}
        modules = {name for name in names if not name.endswith(".dist-info")}
        assert modules == {"boto3", "botocore", "s3transfer", "jmespath", "dateutil", "urllib3", "six.py"}
        assert any(name.startswith("boto3-") for name in names)


class TestNodeSdk:
    def test_is_locked_with_checksums_and_without_a_registry(self) -> None:
        lock = json.loads(LOCK.read_text())
        packages = {path: facts for path, facts in lock["packages"].items() if path}

        assert lock["packages"][""]["dependencies"] == list_node_sdk_clients()
        assert [path for path, facts in packages.items() if not facts.get("integrity", "").startswith("sha512-")] == []
        assert [path for path, facts in packages.items() if "resolved" in facts] == []

    def test_is_found_in_the_cache_folder(self, tmp_path: Path) -> None:
        variables = {"XDG_CACHE_HOME": str(tmp_path)}
        assert (find_node_sdk(variables), NodeSdk(variables).find()) == (None, None)

        digest = hashlib.sha256(LOCK.read_bytes()).hexdigest()[:12]
        modules = tmp_path / "semantest-iac" / f"aws-sdk-js-{digest}" / "node_modules"
        modules.mkdir(parents=True)

        assert (find_node_sdk(variables), NodeSdk(variables).find()) == (modules, str(modules))

    def test_is_refused_without_npm(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PATH", str(tmp_path))

        with pytest.raises(RefusedError, match="npm is not on the PATH"):
            NodeSdk({"XDG_CACHE_HOME": str(tmp_path)}).install(print)

    def test_is_installed_whole_or_not_at_all(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        bin_folder, cache = tmp_path / "bin", tmp_path / "cache"
        bin_folder.mkdir()
        npm = bin_folder / "npm"
        npm.write_text(
            "#!/bin/sh\n/bin/mkdir node_modules\n[ -f package-lock.json ] && exit $FAILS\n".replace("$FAILS", "1")
        )
        npm.chmod(0o755)
        monkeypatch.setenv("PATH", str(bin_folder))
        sdk = NodeSdk({"XDG_CACHE_HOME": str(cache), "PATH": str(bin_folder)})

        with pytest.raises(RefusedError, match="npm said"):
            sdk.install(lambda line: None)
        assert sdk.find() is None
        assert [*(cache / "semantest-iac").iterdir()] == []

        npm.write_text("#!/bin/sh\n/bin/mkdir node_modules\n")
        assert sdk.install(lambda line: None) == sdk.find()
