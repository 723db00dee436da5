from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from semantest_iac.domain.errors import RuntimeFailedError
from semantest_iac.infrastructure.function_runtimes.function_process import FunctionProcess
from semantest_iac.infrastructure.function_runtimes.function_spec import FunctionSpec
from semantest_iac.infrastructure.function_runtimes.host_process import MAX_LOG_BYTES

Function = Callable[..., FunctionSpec]
HOSTILE = """
import os, sys, time
def handler(event, context):
    print("{not json", flush=True)
    exec(event)
    return "done"
"""
FAILURES = {
    "raises": ("raise ValueError('broken')", "ValueError", "broken"),
    "exits": ("sys.exit(3)", "Runtime.ExitError", "exit status 3"),
    "exits-at-once": ("os._exit(0)", "Runtime.ExitError", "Runtime exited without providing a reason"),
    "is-killed": ("os.kill(os.getpid(), 9)", "Runtime.ExitError", "Runtime exited with error: signal: killed"),
    "hangs": ("while True: pass", "Sandbox.Timedout", "Task timed out after 1.00 seconds"),
    "sleeps": ("time.sleep(60)", "Sandbox.Timedout", "Task timed out after 1.00 seconds"),
}
RESULTS = {
    "is-no-json": ("return {1, 2}", "Runtime.MarshalError"),
    "is-too-large": ("return 'x' * 7_000_000", "Function.ResponseSizeTooLarge"),
    "is-endless": ("a = []; a.append(a); return a", "Runtime.MarshalError"),
}


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return not Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].startswith(" Z")


async def has_ended(pid: int) -> bool:
    for _ in range(100):
        if not is_alive(pid):
            return True
        await asyncio.sleep(0.05)
    return False


class TestInvoke:
    async def test_returns_result_and_logs(self, python_function: Function) -> None:
        spec = python_function("def handler(event, context):\n    print('seen')\n    return event['a'] + 1")

        async with FunctionProcess.start(spec) as function:
            invocation = await function.invoke({"a": 1})

        assert (invocation.result, invocation.error, invocation.output) == (2, None, "seen\n")

    async def test_ignores_forked_children_of_the_function(self, python_function: Function) -> None:
        spec = python_function("import os\ndef handler(e, c):\n    return 'child' if os.fork() == 0 else e")

        async with FunctionProcess.start(spec) as function:
            results = [(await function.invoke(number)).result for number in range(5)]

        assert results == [0, 1, 2, 3, 4]

    async def test_keeps_the_process_warm(self, python_function: Function) -> None:
        spec = python_function("n = 0\ndef handler(e, c):\n    global n\n    n += 1\n    return n")

        async with FunctionProcess.start(spec) as function:
            results = [(await function.invoke({})).result for _ in range(3)]

        assert results == [1, 2, 3]

    async def test_takes_one_event_at_a_time(self, python_function: Function) -> None:
        spec = python_function("def handler(event, context):\n    return event")

        async with FunctionProcess.start(spec) as function:
            calls = await asyncio.gather(*(function.invoke(number) for number in range(20)))

        assert [call.result for call in calls] == [*range(20)]

    async def test_passes_lambda_s_context(self, python_function: Function) -> None:
        body = "def handler(e, c):\n    return c.aws_request_id, c.function_name, c.get_remaining_time_in_millis() > 0"

        async with FunctionProcess.start(python_function(body, name="hello")) as function:
            invocation = await function.invoke({}, request_id="r-1")

        assert invocation.result == ["r-1", "hello", True]

    async def test_hides_our_environment(self, python_function: Function, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hunter2")
        spec = python_function("import os, sys\ndef handler(e, c):\n    return [dict(os.environ), sys.path]")

        async with FunctionProcess.start(spec) as function:
            environment, path = (await function.invoke({})).result

        assert "hunter2" not in environment.values()
        assert environment["AWS_LAMBDA_FUNCTION_NAME"] == "function"
        assert not [folder for folder in path if "site-packages" in folder]

    async def test_writes_nothing_into_the_package(self, python_function: Function, tmp_path: Path) -> None:
        (tmp_path / "other.py").write_text("X = 1")

        async with FunctionProcess.start(python_function("import other\ndef handler(e, c):\n    return 1")):
            pass

        assert not (tmp_path / "__pycache__").exists()

    async def test_keeps_the_bytecode_of_modules_as_long_as_they_are_the_same(
        self, python_function: Function, tmp_path: Path
    ) -> None:
        spec = python_function(
            "import os, other\ndef handler(e, c):\n    return [other.X, other.__file__, *os.environ]"
        )
        answers = []
        for value in (1, 1, 2):
            (tmp_path / "other.py").write_text(f"X = {value}")
            async with FunctionProcess.start(spec) as function:
                answers.append((await function.invoke({})).result)

        kept = await asyncio.to_thread(lambda: sorted(Path(f"{tmp_path}.bytecode").rglob("*.pyc")))
        assert [answer[:2] for answer in answers] == [[value, str(tmp_path / "other.py")] for value in (1, 1, 2)]
        assert [path.name.partition(".")[0] for path in kept] == ["app", "other"]
        assert not [name for name in answers[0][2:] if name.startswith("PYTHONPYCACHE")]

    async def test_refuses_an_event_that_lambda_would_refuse(self, python_function: Function) -> None:
        async with FunctionProcess.start(python_function("def handler(e, c):\n    return 1")) as function:
            invocation = await function.invoke("x" * 7_000_000)

        assert invocation.error is not None
        assert invocation.error["errorType"] == "Function.RequestTooLarge"


class TestHostileFunction:
    async def test_cannot_answer_by_printing(self, python_function: Function) -> None:
        async with FunctionProcess.start(python_function(HOSTILE)) as function:
            invocation = await function.invoke("pass")

        assert (invocation.result, invocation.output) == ("done", "{not json\n")

    @pytest.mark.parametrize(("code", "kind", "message"), FAILURES.values(), ids=FAILURES.keys())
    async def test_fails_with_lambda_s_error_and_is_restarted(
        self, python_function: Function, code: str, kind: str, message: str
    ) -> None:
        async with FunctionProcess.start(python_function(HOSTILE, timeout_s=1)) as function:
            failed = await function.invoke(code)
            after = await function.invoke("pass")

        assert failed.error is not None
        assert failed.error["errorType"] == kind
        assert message in failed.error["errorMessage"]
        assert after.result == "done"

    @pytest.mark.parametrize(("body", "kind"), RESULTS.values(), ids=RESULTS.keys())
    async def test_fails_when_its_result_cannot_be_encoded(
        self, python_function: Function, body: str, kind: str
    ) -> None:
        async with FunctionProcess.start(python_function(f"def handler(e, c):\n    {body}")) as function:
            invocation = await function.invoke({})

        assert invocation.error is not None
        assert invocation.error["errorType"] == kind

    async def test_may_write_any_amount_of_output(self, python_function: Function) -> None:
        flood = "for _ in range(100): sys.stderr.write('x' * 1_000_000)"

        async with FunctionProcess.start(python_function(HOSTILE, timeout_s=60)) as function:
            invocation = await function.invoke(flood)

        assert invocation.result == "done"
        assert len(invocation.output) == MAX_LOG_BYTES + 1

    async def test_is_ended_with_its_children(self, python_function: Function) -> None:
        body = "import subprocess\ndef handler(e, c):\n    return subprocess.Popen(['sleep', '60']).pid"

        async with FunctionProcess.start(python_function(body)) as function:
            child = (await function.invoke({})).result

        assert await has_ended(child)

    async def test_is_ended_when_the_call_is_cancelled(self, python_function: Function) -> None:
        async with FunctionProcess.start(python_function(HOSTILE, timeout_s=60)) as function:
            call = asyncio.create_task(function.invoke("time.sleep(60)"))
            await asyncio.sleep(0.2)
            call.cancel()
            after = await function.invoke("pass")

        assert after.result == "done"

    @pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a hanging child with its parent")
    async def test_dies_with_the_process_that_runs_it(self, python_function: Function, tmp_path: Path) -> None:
        body = "import os\nopen('pid', 'w').write(str(os.getpid()))\ndef handler(e, c):\n    while True: pass"
        spec = python_function(body)
        script = PARENT.format(package=str(spec.package))

        parent = await asyncio.create_subprocess_exec(sys.executable, "-c", script)
        status = await asyncio.wait_for(parent.wait(), 60)

        assert status == -9
        assert await has_ended(int((tmp_path / "pid").read_text()))


PARENT = """
import asyncio, os
from pathlib import Path
from semantest_iac.infrastructure.function_runtimes.function_process import FunctionProcess
from semantest_iac.infrastructure.function_runtimes.function_spec import FunctionSpec

async def main():
    spec = FunctionSpec(Path({package!r}), "app.handler", "python3.11", timeout_s=50)
    async with FunctionProcess.start(spec) as function:
        asyncio.create_task(function.invoke({{}}))
        await asyncio.sleep(0.3)
        os.kill(os.getpid(), 9)

asyncio.run(main())
"""


class TestStart:
    async def test_loads_the_code_again_for_each_invocation_until_it_can_be_loaded(
        self, python_function: Function, tmp_path: Path
    ) -> None:
        spec = python_function("import nothing_of_that_name")

        async with FunctionProcess.start(spec) as function:
            failed = await function.invoke({})
            (tmp_path / "app.py").write_text("def handler(event, context):\n    return 'loaded'")
            after = await function.invoke({})

        assert (
            failed.failure
            == "Runtime.ImportModuleError: Unable to import module 'app': No module named 'nothing_of_that_name'"
        )
        assert after.result == "loaded"

    async def test_refuses_an_unknown_runtime(self, tmp_path: Path) -> None:
        with pytest.raises(RuntimeFailedError):
            async with FunctionProcess.start(FunctionSpec(tmp_path, "app.handler", "java21")):
                pass

    async def test_reports_a_missing_node(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PATH", str(tmp_path))

        with pytest.raises(RuntimeFailedError) as caught:
            async with FunctionProcess.start(FunctionSpec(tmp_path, "app.handler", "nodejs22.x")):
                pass

        assert caught.value.hint

    async def test_notes_that_another_version_is_used(self, python_function: Function) -> None:
        spec = python_function("def handler(e, c):\n    return 1")
        other = FunctionSpec(spec.package, spec.handler, "python3.99")

        async with FunctionProcess.start(other) as function:
            assert "python3.99 is not on this machine" in function.note
