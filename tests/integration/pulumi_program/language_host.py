"""A stand-in for `pulumi-language-python`: the CLI starts it as a plugin and has it run the program.

The SDK's own server of inline programs speaks the protocol; the folder and the program are those that the CLI asks for.
"""

from __future__ import annotations

import os
import runpy
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
from pulumi.automation._server import LanguageServer
from pulumi.runtime.proto import language_pb2_grpc
from pulumi.runtime.settings import SETTINGS


class _Host(LanguageServer):
    """Runs what a request names, where it says."""

    def Run(self, request: Any, context: Any) -> Any:
        """As the real host's process for the program does."""

        def program() -> None:
            SETTINGS.root_directory = request.info.root_directory
            runpy.run_path(request.program or ".", run_name="__main__")

        os.chdir(request.pwd)
        self.program = program
        request.args.insert(0, sys.argv[-1])  # where the engine is
        return super().Run(request, context)  # type: ignore[no-untyped-call]  # the SDK has no types there


def main() -> None:
    """Serve until the CLI ends this process."""
    server = grpc.server(ThreadPoolExecutor())
    language_pb2_grpc.add_LanguageRuntimeServicer_to_server(_Host(lambda: None), server)
    print(server.add_insecure_port("127.0.0.1:0"), flush=True)
    signal.signal(signal.SIGINT, lambda *_: os._exit(0))  # the CLI's way to end a plugin
    server.start()
    server.wait_for_termination()


if __name__ == "__main__":
    main()
