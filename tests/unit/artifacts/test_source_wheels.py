from __future__ import annotations

import pytest

from semantest_iac.infrastructure.artifacts.requirements.source_wheels import find_library_problem

ELF = b"\x7fELF\2\1\1"


class TestLibraryProblem:
    @pytest.mark.parametrize(
        ("content", "problem"),
        [
            (b"#!/bin/sh\0GLIBC_2.99\0", ""),
            (ELF + b"\0libc.so.6\0GLIBC_2.2.5\0GLIBC_2.14\0", ""),
            (ELF + b"\0libc.so.6\0GLIBC_2.2.5\0GLIBC_2.34\0", "needs glibc 2.34, and the function's system has 2.26"),
            (ELF + b"\0libpq.so.5\0libc.so.6\0", "needs libpq.so.5, which the function's system may not have"),
            (ELF + b"\0libpthread.so.0\0libm.so.6\0ld-linux-x86-64.so.2\0", ""),
        ],
    )
    def test_is_what_the_function_s_system_lacks(self, content: bytes, problem: str) -> None:
        assert find_library_problem(content, glibc=26) == problem
