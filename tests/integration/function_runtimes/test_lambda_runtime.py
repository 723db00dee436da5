"""What a function finds on Lambda, and how its failures appear, beside recorded answers of the real service.

Sources: LocalStack's recordings of AWS (tests/aws/services/lambda_, 2022-2026) and AWS's runtime interface clients.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from semantest_iac.infrastructure.function_runtimes.function_process import FunctionProcess
from semantest_iac.infrastructure.function_runtimes.function_spec import FunctionSpec, Invocation, LogSettings

Function = Callable[..., FunctionSpec]
NODE = "nodejs20.x"
ID = "5f0cbe41-1b7c-4b2f-8f5c-1cb6a3b1a0c5"
JSON_LOG = LogSettings(is_json=True, application_level="INFO")
TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"
REPORT = (
    rf"REPORT RequestId: {ID}\tDuration: [\d.]+ ms\tBilled Duration: \d+ ms"
    r"\tMemory Size: 128 MB\tMax Memory Used: \d+ MB"
)
RAISING = """
class CustomException(Exception): ...

def handler(event, context):
    raise CustomException('some error occurred')
"""
LATE = """
exports.handler = async (event) => {
  if (event) {
    CODE
    await new Promise((done) => setTimeout(done, 500))
  }
  return process.pid
}
"""
IMPORT_ERROR = "Runtime.ImportModuleError"
NEVER_CLOSED = "Syntax error in module 'app': '(' was never closed (app.py, line 1)"
UNPACKED = "not enough values to unpack (expected 2, got 1)"
BUILT_IN = "Cannot use built-in module sys as a handler module"
WRAPPER = '#!/bin/sh\nexport WRAPPED="$#"\nexec "$@"\n'
RESERVED = (
    *("_HANDLER", "_X_AMZN_TRACE_ID", "AWS_DEFAULT_REGION", "AWS_REGION", "AWS_EXECUTION_ENV"),
    *("AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_FUNCTION_VERSION"),
    *("AWS_LAMBDA_INITIALIZATION_TYPE", "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME"),
    *("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_LAMBDA_RUNTIME_API"),
    *("LAMBDA_TASK_ROOT", "LAMBDA_RUNTIME_DIR", "LANG", "PATH", "LD_LIBRARY_PATH", "TZ"),
)
"""Source: the developer guide, defined runtime environment variables."""


async def invoke(spec: FunctionSpec, event: Any = None) -> Invocation:
    async with FunctionProcess.start(spec) as function:
        return await function.invoke(event, request_id=ID)


class TestPythonLog:
    async def test_surrounds_the_output_and_reports_the_cold_start(self, python_function: Function) -> None:
        spec = python_function("print('loaded')\ndef handler(event, context):\n    print('called')", version="1")

        async with FunctionProcess.start(spec) as function:
            cold, warm = [await function.invoke({}, request_id=ID) for _ in range(2)]

        assert cold.log_events[:4] == ["loaded", f"START RequestId: {ID} Version: 1", "called", f"END RequestId: {ID}"]
        assert re.fullmatch(rf"{REPORT}\tInit Duration: [\d.]+ ms\t", cold.log_events[4])
        assert warm.log_events[:3] == [f"START RequestId: {ID} Version: 1", "called", f"END RequestId: {ID}"]
        assert re.fullmatch(rf"{REPORT}\t", warm.log_events[3])

    async def test_has_the_traceback_of_an_exception(self, python_function: Function, tmp_path: Path) -> None:
        invocation = await invoke(python_function(RAISING))

        assert invocation.log_events[1] == (
            "[ERROR] CustomException: some error occurred\nTraceback (most recent call last):\n"
            f'\u00a0\u00a0File "{tmp_path}/app.py", line 5, in handler\n'
            "\u00a0\u00a0\u00a0\u00a0raise CustomException('some error occurred')"
        )
        assert invocation.error == {
            "errorMessage": "some error occurred",
            "errorType": "CustomException",
            "requestId": ID,
            "stackTrace": [
                f"  File \"{tmp_path}/app.py\", line 5, in handler\n    raise CustomException('some error occurred')\n"
            ],
        }

    async def test_lets_no_client_forge_an_event(self, python_function: Function) -> None:
        body = "import logging\ndef handler(event, context):\n    logging.error(event)\n    raise ValueError(event)"

        events = (await invoke(python_function(body), "x\nSTART RequestId: forged\r\nEND")).log_events

        assert [event.partition(" ")[0].partition("\t")[0] for event in events] == [
            "START", "[ERROR]", "[ERROR]", "END", "REPORT"
        ]  # fmt: skip

    @pytest.mark.parametrize("basic", ["", "logging.basicConfig(level=logging.DEBUG)"], ids=["plain", "basicConfig"])
    async def test_has_records_from_the_level_warning(self, python_function: Function, basic: str) -> None:
        spec = python_function(
            f"import logging\n{basic}\ndef handler(event, context):\n    logging.info('not written')\n"
            "    logging.getLogger().setLevel(logging.INFO)\n    logging.info('seen')"
        )

        logs = (await invoke(spec)).output

        assert re.fullmatch(rf"\[INFO\]\t{TIME}\t{ID}\tseen\n", logs)

    async def test_may_be_json(self, python_function: Function) -> None:
        """Source: the runtime interface client's formatter; the level is that of the log settings."""
        body = (
            "import logging\ndef handler(event, context):\n    logging.debug('not written')\n"
            "    logging.info('a %s', 'b', extra={'order': 7})\n    print('plain')\n    raise KeyError('x')"
        )

        start, record, plain, error, report = (await invoke(python_function(body, log_settings=JSON_LOG))).log_events

        assert [json.loads(event)["type"] for event in (start, report)] == ["platform.start", "platform.report"]
        assert plain == "plain"
        written = json.loads(record)
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", written.pop("timestamp"))
        assert written == {"level": "INFO", "message": "a b", "logger": "root", "requestId": ID, "order": 7}
        assert {"log_level": "ERROR", "errorType": "KeyError", "errorMessage": "'x'"}.items() <= json.loads(
            error
        ).items()

    async def test_masks_secrets_everywhere(self, python_function: Function) -> None:
        body = (
            "import os\nfrom http.client import HTTPConnection\nprint('hunter22')\ndef handler(event, context):\n"
            "    raise ValueError('hunter22\\nhunter22')"
        )

        invocation = await invoke(python_function(body, secrets={"arn": "hunter22"}))

        assert "hunter22" not in f"{invocation.log}{invocation.error}"
        assert invocation.log.startswith("***\n")


class TestPythonFailures:
    """Types and messages of the runtime interface client."""

    @pytest.mark.parametrize(
        ("body", "handler", "kind", "message"),
        [
            ("import nil", "app.handler", IMPORT_ERROR, "Unable to import module 'app': No module named 'nil'"),
            ("", "absent.handler", IMPORT_ERROR, "Unable to import module 'absent': No module named 'absent'"),
            ("def handler(", "app.handler", "Runtime.UserCodeSyntaxError", NEVER_CLOSED),
            ("x = 1", "app.handler", "Runtime.HandlerNotFound", "Handler 'handler' missing on module 'app'"),
            ("x = 1", "app", "Runtime.MalformedHandlerName", f"Bad handler 'app': {UNPACKED}"),
            ("x = 1", "sys.exit", "Runtime.BuiltInModuleConflict", BUILT_IN),
            ("raise Exception('Runtime startup fails')", "app.handler", "Exception", "Runtime startup fails"),
        ],
        ids=["import", "absent", "syntax", "handler", "name", "builtin", "exception"],
    )  # fmt: skip
    async def test_of_code_that_cannot_be_loaded_are_errors_of_the_invocation(
        self, python_function: Function, body: str, handler: str, kind: str, message: str
    ) -> None:
        invocation = await invoke(replace(python_function(body), handler=handler))

        assert invocation.error is not None
        assert (invocation.error["errorType"], invocation.error["errorMessage"]) == (kind, message)
        assert invocation.error["requestId"] == ""
        assert invocation.log_events[0].startswith(f"[ERROR] {kind}: {message}\nTraceback (most recent call last):")
        assert invocation.log_events[1].endswith(f"ms\tPhase: init\tStatus: error\tError Type: {kind}")
        assert invocation.log_events[2] == f"START RequestId: {ID} Version: $LATEST"

    async def test_of_the_start_have_the_trace_from_the_import_on(
        self, python_function: Function, tmp_path: Path
    ) -> None:
        error = (await invoke(python_function("raise Exception('Runtime startup fails')"))).error

        assert error is not None
        assert error["stackTrace"][0].endswith(
            ", in import_module\n    return _bootstrap._gcd_import(name[level:], package, level)\n"
        )
        assert error["stackTrace"][-1] == (
            f"  File \"{tmp_path}/app.py\", line 1, in <module>\n    raise Exception('Runtime startup fails')\n"
        )

    @pytest.mark.parametrize("place", ["start", "call"])
    @pytest.mark.parametrize(
        ("status", "reason"),
        [(0, "Runtime exited without providing a reason"), (1, "Runtime exited with error: exit status 1")],
    )
    async def test_of_an_exit_name_the_request(
        self, python_function: Function, place: str, status: int, reason: str
    ) -> None:
        code = f"sys.exit({status})"
        body = f"import sys\n{code if place == 'start' else ''}\ndef handler(event, context):\n    {code}"

        invocation = await invoke(python_function(body))

        assert invocation.error == {
            "errorType": "Runtime.ExitError",
            "errorMessage": f"RequestId: {ID} Error: {reason}",
        }
        assert f"RequestId: {ID} Error: {reason}\nRuntime.ExitError" in invocation.log_events

    async def test_of_an_answer_that_is_no_json(self, python_function: Function) -> None:
        invocation = await invoke(python_function("def handler(event, context):\n    return {1, 2}"))

        message = "Unable to marshal response: Object of type set is not JSON serializable"
        assert invocation.error == {
            "errorMessage": message, "errorType": "Runtime.MarshalError", "requestId": ID, "stackTrace": []
        }  # fmt: skip
        assert f"[ERROR] Runtime.MarshalError: {message}\nTraceback (most recent call last):" in invocation.log_events

    async def test_do_not_include_decimal_numbers(self, python_function: Function) -> None:
        """Source: the runtime interface client's encoder; DynamoDB returns decimals."""
        body = (
            "from decimal import Decimal\ndef handler(event, context):\n    return [Decimal('7'), Decimal('1.50'), 'é']"
        )

        invocation = await invoke(python_function(body))

        assert (invocation.result, invocation.answer) == ([7, 1.5, "é"], '[7, 1.50, "\\u00e9"]')  # since 3.12: é


class TestNodeAnswer:
    async def test_is_what_was_stringified(self, node_function: Function) -> None:
        body = "exports.handler = async () => ({ z: 1e21, 2: 'é', list: [1, 2.0, NaN] })"

        assert (await invoke(node_function(body))).answer == '{"2":"é","z":1e+21,"list":[1,2,null]}'

    async def test_of_a_stream_is_all_of_it_as_it_was_written(self, node_function: Function) -> None:
        """Source: the runtime interface client; API Gateway takes it for the body, as recorded of other texts."""
        body = (
            "exports.handler = awslambda.streamifyResponse(async (event, stream) => {\n"
            "  const answer = awslambda.HttpResponseStream.from(stream, { statusCode: 201 })\n"
            "  answer.write('a')\n  answer.end('b')\n})"
        )

        invocation = await invoke(node_function(body))

        assert (invocation.result, invocation.answer) == (None, '{"statusCode":201}' + "\0" * 8 + "ab")


class TestNodeLog:
    async def test_has_time_request_and_level_of_each_line(self, node_function: Function) -> None:
        spec = node_function(
            "console.log('loaded')\n"
            "exports.handler = async () => { console.log('called %s', 1, { a: 2 }); console.error('x\\ny') }"
        )

        loaded, start, called, error, end, report = (await invoke(spec)).log_events

        assert re.fullmatch(rf"{TIME}\tundefined\tINFO\tloaded", loaded)
        assert start == f"START RequestId: {ID} Version: $LATEST"
        assert re.fullmatch(rf"{TIME}\t{ID}\tINFO\tcalled 1 {{ a: 2 }}", called)
        assert re.fullmatch(rf"{TIME}\t{ID}\tERROR\tx\ny", error)
        assert (end, report.partition(":")[0]) == (f"END RequestId: {ID}", "REPORT RequestId")

    async def test_may_be_json(self, node_function: Function) -> None:
        spec = node_function(
            "exports.handler = async () => {\n"
            "  console.debug('no'); console.info({ a: 1 }); console.warn('b', new Error('c'))\n}",
            log_settings=JSON_LOG,
        )

        _, info, warning, _ = map(json.loads, (await invoke(spec)).log_events)

        assert (info["level"], info["requestId"], info["message"]) == ("INFO", ID, {"a": 1})
        assert (warning["level"], warning["errorType"], warning["errorMessage"]) == ("WARN", "Error", "c")

    async def test_has_an_error_that_the_handler_throws(self, node_function: Function, tmp_path: Path) -> None:
        invocation = await invoke(
            node_function("exports.handler = async () => { throw new RangeError('some_error_msg') }")
        )

        assert invocation.error is not None
        assert (invocation.error["errorType"], invocation.error["errorMessage"]) == ("RangeError", "some_error_msg")
        assert invocation.error["trace"][0] == "RangeError: some_error_msg"
        assert str(tmp_path) in invocation.error["trace"][1]
        assert "requestId" not in invocation.error
        match = re.fullmatch(rf"{TIME}\t{ID}\tERROR\tInvoke Error \t(.*)", invocation.log_events[1])
        assert match
        assert {"errorType": "RangeError", "errorMessage": "some_error_msg"}.items() <= json.loads(match[1]).items()
        assert json.loads(match[1])["stack"] == invocation.error["trace"]


NODE_FAILURES: Mapping[str, tuple[str, str, str]] = {
    "import": ("require('nil')", IMPORT_ERROR, "Error: Cannot find module 'nil'\nRequire stack:"),
    "syntax": ("exports.handler = (", "Runtime.UserCodeSyntaxError", "SyntaxError: Unexpected end of input"),
    "handler": ("exports.other = 1", "Runtime.HandlerNotFound", "index.handler is undefined or not exported"),
    "no-function": ("exports.handler = 1", "Runtime.HandlerNotFound", "index.handler is not a function"),
    "exception": ("throw new TypeError('no')", "TypeError", "no"),
}  # fmt: skip
NODE_CALLS: Mapping[str, tuple[str, Any]] = {
    "async": ("exports.handler = async (event) => event", "e"),
    "promise": ("exports.handler = (event) => Promise.resolve(event)", "e"),
    "callback": ("exports.handler = (event, context, done) => done(null, event)", "e"),
    "succeed": ("exports.handler = (event, context) => context.succeed(event)", "e"),
    "late callback": ("exports.handler = (event, context, done) => { setTimeout(() => done(null, event), 20) }", "e"),
    "callback before work": (
        "let n = 0\nexports.handler = (event, context, done) => {\n"
        "  setTimeout(() => { n++ }, 20); done(null, { get n() { return n } })\n}",
        {"n": 1},
    ),
    "plain value": ("exports.handler = (event) => event", None),
    "nothing": ("exports.handler = (event, context, done) => {}", None),
}


class TestNodeFailures:
    @pytest.mark.parametrize(("body", "kind", "message"), NODE_FAILURES.values(), ids=NODE_FAILURES)
    async def test_of_code_that_cannot_be_loaded_are_errors_of_the_invocation(
        self, node_function: Function, body: str, kind: str, message: str
    ) -> None:
        invocation = await invoke(node_function(body))

        assert invocation.error is not None
        assert invocation.error["errorType"] == kind
        assert invocation.error["errorMessage"].startswith(message)
        assert re.match(
            rf"{TIME}\tundefined\tERROR\tUncaught Exception \t{{\"errorType\":\"{kind}\"", invocation.log_events[0]
        )

    async def test_of_a_missing_file(self, node_function: Function) -> None:
        error = (await invoke(node_function("", handler="absent.handler"))).error

        assert error is not None
        assert (error["errorType"], error["errorMessage"]) == (
            "Runtime.ImportModuleError", "Error: Cannot find module 'absent'"
        )  # fmt: skip

    @pytest.mark.parametrize(
        ("code", "title", "kind", "message"),
        [
            ("setTimeout(() => { throw new Error('late') }, 5)", "Uncaught Exception", "Error", "late"),
            (
                "Promise.reject(new Error('lost'))",
                "Unhandled Promise Rejection",
                "Runtime.UnhandledPromiseRejection",
                "Error: lost",
            ),
        ],
        ids=["exception", "rejection"],
    )  # fmt: skip
    async def test_beside_the_handler_fail_the_call_and_end_the_process(
        self, node_function: Function, code: str, title: str, kind: str, message: str
    ) -> None:
        spec = node_function(LATE.replace("CODE", code))

        async with FunctionProcess.start(spec) as function:
            before = await function.invoke(None)
            failed = await function.invoke("fail", request_id=ID)
            after = await function.invoke(None)

        assert failed.error is not None
        assert (failed.error["errorType"], failed.error["errorMessage"]) == (kind, message)
        assert [event for event in failed.log_events if f"\t{title} \t" in event]
        assert before.result != after.result

    async def test_of_a_promise_that_is_never_settled(self, node_function: Function) -> None:
        """Source: the developer guide, unexpected Node.js exit in runtime (Runtime.NodejsExit)."""
        invocation = await invoke(node_function("exports.handler = async () => { await new Promise(() => {}) }"))

        assert invocation.error is not None
        assert invocation.error["errorType"] == "Runtime.NodeJsExit"

    @pytest.mark.parametrize(("body", "result"), NODE_CALLS.values(), ids=NODE_CALLS)
    async def test_are_none_of_the_ways_to_answer(self, node_function: Function, body: str, result: Any) -> None:
        async with FunctionProcess.start(node_function(body)) as function:
            results = [(await function.invoke("e")).result for _ in range(2)]

        assert results[0] == result

    @pytest.mark.parametrize(
        ("body", "result"),
        [(NODE_CALLS["plain value"][0], "e"), (NODE_CALLS["callback"][0], None)],
        ids=["value", "callback"],
    )
    async def test_of_callbacks_come_with_node_24(self, node_function: Function, body: str, result: Any) -> None:
        """Source: the runtime interface client for Node 24, which refuses handlers with three parameters."""
        invocation = await invoke(node_function(body, runtime="nodejs24.x"), "e")

        kind = invocation.error["errorType"] if invocation.error else None
        assert (invocation.result, kind) == (result, None if result else "Runtime.CallbackHandlerDeprecated")


ENVIRONMENT = {
    "python3.11": ("app.py", "import os\ndef handler(event, context):\n    return dict(os.environ)"),
    NODE: ("app.js", "exports.handler = async () => ({ ...process.env })"),
}
CONTEXT = {
    "python3.11": (
        "app.py",
        "def handler(event, c):\n"
        "    return [c.function_name, c.function_version, c.invoked_function_arn, c.memory_limit_in_mb,"
        " c.aws_request_id, c.log_group_name, c.log_stream_name, c.client_context, c.identity.cognito_identity_id,"
        " 0 < c.get_remaining_time_in_millis() <= 3000]",
    ),
    NODE: (
        "app.js",
        "exports.handler = async (event, c) =>"
        " [c.functionName, c.functionVersion, c.invokedFunctionArn, c.memoryLimitInMB,"
        " c.awsRequestId, c.logGroupName, c.logStreamName, c.clientContext ?? null, c.identity ?? null,"
        " c.getRemainingTimeInMillis() > 0 && c.getRemainingTimeInMillis() <= 3000]",
    ),
}


@pytest.fixture(params=ENVIRONMENT)
def runtime(request: pytest.FixtureRequest) -> str:
    if request.param == NODE and shutil.which("node") is None:
        pytest.skip("node is not on the PATH")
    return str(request.param)


class TestSurroundings:
    def create(self, folder: Path, runtime: str, program: tuple[str, str], **changes: Any) -> FunctionSpec:
        (folder / program[0]).write_text(program[1])
        return FunctionSpec(folder, "app.handler", runtime, **changes)

    async def test_hold_every_variable_of_the_runtime(self, tmp_path: Path, runtime: str) -> None:
        seen = (
            await invoke(self.create(tmp_path, runtime, ENVIRONMENT[runtime], version="3", qualifier="live"))
        ).result

        path = "NODE_PATH" if runtime == NODE else "PYTHONPATH"
        assert [name for name in (*RESERVED, path) if not seen.get(name)] == []
        assert seen["AWS_EXECUTION_ENV"] == f"AWS_Lambda_{runtime}"
        assert re.fullmatch(r"\d{4}/\d\d/\d\d/\[3\][0-9a-f]{32}", seen["AWS_LAMBDA_LOG_STREAM_NAME"])
        assert re.match(r"Root=1-[0-9a-f]{8}-[0-9a-f]{24};Parent=[0-9a-f]{16};Sampled=0;", seen["_X_AMZN_TRACE_ID"])
        assert (seen["TZ"], seen["LANG"]) == (":UTC", "en_US.UTF-8")
        assert "SEMANTEST_CHANNEL" not in seen

    async def test_let_a_function_set_what_is_not_reserved(self, tmp_path: Path, runtime: str) -> None:
        own = {"TZ": "Asia/Tokyo", "LANG": "C", "LD_LIBRARY_PATH": "/x", "AWS_LAMBDA_FUNCTION_NAME": "other"}

        seen = (await invoke(self.create(tmp_path, runtime, ENVIRONMENT[runtime], environment=own))).result

        assert (seen["TZ"], seen["LANG"], seen["LD_LIBRARY_PATH"]) == ("Asia/Tokyo", "C", "/x")
        assert seen["AWS_LAMBDA_FUNCTION_NAME"] == "function"

    async def test_give_the_context_of_the_call(self, tmp_path: Path, runtime: str) -> None:
        spec = self.create(tmp_path, runtime, CONTEXT[runtime], version="3", qualifier="live")

        name, version, arn, memory, request, group, stream, *others = (await invoke(spec)).result

        assert (name, version, memory, request) == ("function", "3", "128", ID)
        assert arn == "arn:aws:lambda:us-east-1:123456789012:function:function:live"
        assert (group, "/[3]" in stream) == ("/aws/lambda/function", True)
        assert others == [None, None, True]

    async def test_start_through_a_wrapper(self, tmp_path: Path, runtime: str) -> None:
        """Source: the developer guide, wrapper scripts: they get the command of the runtime, its program last."""
        (tmp_path / "wrapper").write_text(WRAPPER)
        (tmp_path / "wrapper").chmod(0o755)
        own = {"AWS_LAMBDA_EXEC_WRAPPER": "/var/task/wrapper"}

        seen = (await invoke(self.create(tmp_path, runtime, ENVIRONMENT[runtime], environment=own))).result

        assert int(seen["WRAPPED"]) >= 2

    @pytest.mark.parametrize(("exists", "status"), [(False, 127), (True, 126)], ids=["missing", "not executable"])
    async def test_fail_without_the_wrapper(self, tmp_path: Path, runtime: str, exists: bool, status: int) -> None:
        if exists:
            (tmp_path / "wrapper").write_text(WRAPPER)
        own = {"AWS_LAMBDA_EXEC_WRAPPER": "/var/task/wrapper"}

        error = (await invoke(self.create(tmp_path, runtime, ENVIRONMENT[runtime], environment=own))).error

        assert error == {
            "errorType": "Runtime.ExitError",
            "errorMessage": f"RequestId: {ID} Error: Runtime exited with error: exit status {status}",
        }
