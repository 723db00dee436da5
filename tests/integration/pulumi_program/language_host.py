"""Replaces `pulumi-language-python`: the CLI starts it as a plugin, and it runs the program.

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
    """Runs the program of a request in its folder."""

    def Run(self, request: Any, context: Any) -> Any:
        """Run the program as the real host does."""

        def program() -> None:
            SETTINGS.root_directory = request.info.root_directory
            runpy.run_path(request.program or ".", run_name="__main__")

        os.chdir(request.pwd)
        self.program = program
        request.args.insert(0, sys.argv[-1])  # the address of the engine
        return super().Run(request, context)  # type: ignore[no-untyped-call]  # the SDK has no types there


def main() -> None:
    """Serve until the CLI stops this process."""
    server = grpc.server(ThreadPoolExecutor())
    language_pb2_grpc.add_LanguageRuntimeServicer_to_server(_Host(lambda: None), server)
    print(server.add_insecure_port("127.0.0.1:0"), flush=True)
    signal.signal(signal.SIGINT, lambda *_: os._exit(0))  # how the CLI stops a plugin
    server.start()
    server.wait_for_termination()


if __name__ == "__main__":
    main()
