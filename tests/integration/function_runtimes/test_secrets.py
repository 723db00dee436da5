from __future__ import annotations

import http.client
import json
import shutil
from asyncio import to_thread
from collections.abc import Callable
from urllib.parse import urlsplit

import pytest

from semantest_iac.infrastructure.function_runtimes.function_process import FunctionProcess
from semantest_iac.infrastructure.function_runtimes.function_spec import FunctionSpec
from semantest_iac.infrastructure.function_runtimes.loopback import serve_secrets

ARN = "arn:aws:secretsmanager:us-east-1:123456789012:secret:db-AbCdEf"
VALUE = "hunter2-é"
ENVIRONMENT = {"SEMANTEST_SECRETS": json.dumps({"DATABASE_URL": ARN})}
PYTHON = """
import os
at_import = os.environ.get("DATABASE_URL")
def handler(event, context):
    with open("/proc/self/environ", "rb") as mine, open("/proc/self/cmdline", "rb") as command:
        return [at_import, (mine.read() + command.read()).decode("latin-1")]
"""
LEAKING = """
import os
def handler(event, context):
    print(os.environ)
    raise KeyError(os.environ["DATABASE_URL"])
"""
NODE = """
const atImport = process.env.DATABASE_URL
exports.handler = async () => [atImport, require('fs').readFileSync('/proc/self/environ', 'latin1')]
"""
node = pytest.mark.skipif(shutil.which("node") is None, reason="node is not on the PATH")
LANGUAGES = [
    pytest.param({"app.py": PYTHON}, "app.handler", "python3.11", id="python"),
    pytest.param({"index.js": NODE}, "index.handler", "nodejs22.x", id="node", marks=node),
]


class TestSecrets:
    @pytest.mark.parametrize(("files", "handler", "runtime"), LANGUAGES)
    async def test_are_set_before_the_code_is_loaded(
        self, packaged: Callable[..., FunctionSpec], files: dict[str, str], handler: str, runtime: str
    ) -> None:
        spec = packaged(files, handler=handler, runtime=runtime, environment=ENVIRONMENT, secrets={ARN: VALUE})

        async with FunctionProcess.start(spec) as function:
            seen, started_with = (await function.invoke({})).result

        assert seen == VALUE
        assert "hunter2" not in started_with

    async def test_that_are_missing_stop_the_function(self, packaged: Callable[..., FunctionSpec]) -> None:
        spec = packaged(
            {"app.py": PYTHON}, handler="app.handler", runtime="python3.11", environment=ENVIRONMENT,
            secrets={"another": VALUE},
        )  # fmt: skip

        async with FunctionProcess.start(spec) as function:
            failure = (await function.invoke({})).failure

        assert "Cannot load secret DATABASE_URL" in failure
        assert "ResourceNotFoundException" in failure

    async def test_are_redacted_in_logs_and_errors(self, packaged: Callable[..., FunctionSpec]) -> None:
        files = {"app.py": LEAKING}
        spec = packaged(
            files, handler="app.handler", runtime="python3.11", environment=ENVIRONMENT, secrets={ARN: VALUE}
        )

        async with FunctionProcess.start(spec) as function:
            invocation = await function.invoke({})

        assert "'DATABASE_URL': '***'" in invocation.output
        assert VALUE not in repr(invocation)

    def test_are_hidden_in_the_repr_of_the_spec(self, packaged: Callable[..., FunctionSpec]) -> None:
        spec = packaged({"app.py": PYTHON}, handler="app.handler", runtime="python3.11", secrets={ARN: VALUE})

        assert VALUE not in repr(spec)


class TestServeSecrets:
    @pytest.mark.parametrize(
        ("path", "target", "status"),
        [("", "secretsmanager.GetSecretValue", 200), ("x", "secretsmanager.GetSecretValue", 403), ("", "other", 403)],
        ids=["right", "wrong-path", "wrong-call"],
    )
    async def test_answers_only_at_its_path(self, path: str, target: str, status: int) -> None:
        async with serve_secrets({ARN: VALUE}) as url:
            answer, body = await to_thread(ask, url + path, target)

        assert answer == status
        assert (VALUE in body) == (status == 200)

    async def test_is_not_started_without_secrets(self) -> None:
        async with serve_secrets({}) as url:
            assert url == ""


def ask(url: str, target: str) -> tuple[int, str]:
    address = urlsplit(url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=10)
    connection.request("POST", address.path, json.dumps({"SecretId": ARN}), {"X-Amz-Target": target})
    answer = connection.getresponse()
    content = answer.read().decode()
    connection.close()
    return answer.status, json.dumps(json.loads(content), ensure_ascii=False)
