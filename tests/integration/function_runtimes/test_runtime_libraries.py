"""What the runtimes of Lambda bring beside the package.

Source: "Lambda runtimes" and "Building with Python" and "with Node.js" in Lambda's developer guide.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from semantest_iac.infrastructure.function_runtimes.function_process import FunctionProcess
from semantest_iac.infrastructure.function_runtimes.function_spec import FunctionSpec, Invocation
from semantest_iac.infrastructure.function_runtimes.runtime_libraries import node_sdk_install_folder

Function = Callable[..., FunctionSpec]
NODE_IMPORTS = {
    "commonjs": ("index.js", "const { origin } = require('@aws-sdk/client-s3')\nexports.handler = async () => origin"),
    "esm": ("index.mjs", "import { origin } from '@aws-sdk/client-s3'\nexport const handler = async () => origin"),
}


@pytest.fixture
def node_sdk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installed AWS SDK for JavaScript with one client, which needs a module beside it."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = node_sdk_install_folder({"XDG_CACHE_HOME": str(tmp_path / "cache")}) / "node_modules"
    for name, text in {
        "@aws-sdk/client-s3": "const { a } = require('@smithy/core'); exports.origin = 'runtime ' + a",
        "@smithy/core": "exports.a = 1",
    }.items():
        (folder / name).mkdir(parents=True)
        (folder / name / "package.json").write_text(json.dumps({"name": name, "main": "index.js"}))
        (folder / name / "index.js").write_text(text)
    return folder


async def invoke(spec: FunctionSpec) -> Invocation:
    async with FunctionProcess.start(spec) as function:
        return await function.invoke(None)


class TestWhatTheRuntimeBrings:
    async def test_is_boto3_and_nothing_else_of_this_tool(self, python_function: Function) -> None:
        pytest.importorskip("boto3", reason="the extra aws is not installed")
        spec = python_function(
            "import boto3\nfrom importlib.util import find_spec\ndef handler(event, context):\n"
            "    client = boto3.client('s3')\n"
            "    return [boto3.__file__, client.meta.region_name, bool(find_spec('pulumi'))]"
        )

        file, region, has_pulumi = (await invoke(replace(spec, timeout_s=30))).result

        assert file.endswith("/runtime/boto3/__init__.py")
        assert (region, has_pulumi) == ("us-east-1", False)

    async def test_gives_way_to_the_package(self, python_function: Function, tmp_path: Path) -> None:
        (tmp_path / "boto3.py").write_text("__version__ = 'own'")

        invocation = await invoke(python_function("import boto3\ndef handler(e, c):\n    return boto3.__version__"))

        assert invocation.result == "own"

    @pytest.mark.parametrize(("file", "text"), NODE_IMPORTS.values(), ids=NODE_IMPORTS)
    async def test_is_the_node_sdk(self, node_function: Function, node_sdk: Path, file: str, text: str) -> None:
        assert (await invoke(node_function(text, file))).result == "runtime 1"

    @pytest.mark.parametrize(("file", "text"), NODE_IMPORTS.values(), ids=NODE_IMPORTS)
    async def test_gives_way_to_node_modules(
        self, node_function: Function, node_sdk: Path, tmp_path: Path, file: str, text: str
    ) -> None:
        own = tmp_path / "node_modules" / "@aws-sdk" / "client-s3"
        own.mkdir(parents=True)
        (own / "package.json").write_text('{"name": "@aws-sdk/client-s3", "main": "index.js"}')
        (own / "index.js").write_text("exports.origin = 'own'")

        assert (await invoke(node_function(text, file))).result == "own"

    @pytest.mark.parametrize(("file", "text"), NODE_IMPORTS.values(), ids=NODE_IMPORTS)
    async def test_is_named_if_it_is_missing(
        self, node_function: Function, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str, text: str
    ) -> None:
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "empty"))

        invocation = await invoke(node_function(text, file))

        assert "Lambda's Node runtimes bring @aws-sdk/client-s3, this machine does not" in invocation.hint
        assert "setup --node-sdk" in invocation.log_events[-1]
