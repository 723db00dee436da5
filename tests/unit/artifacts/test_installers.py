from __future__ import annotations

import pytest

from semantest_iac.infrastructure.artifacts.installers import find_failure_reason

PREPARE = """
> x@1.0.0 prepare
> husky

sh: 1: husky: not found
npm error code 127
npm error path /tmp/x
npm error command failed
npm error command sh -c husky
npm error A complete log of this run can be found in: /tmp/debug.log
"""
INSTALL_SCRIPT = """
npm error code 1
npm error path /tmp/x/node_modules/browser
npm error command failed
npm error command sh -c node install.mjs
npm error Downloading
npm error /tmp/x/install.mjs:3
npm error throw new Error("Cannot download")
npm error       ^
npm error
npm error Error: Cannot download: set BROWSER_SKIP_DOWNLOAD
npm error     at main (install.mjs:3:1)
"""
OUT_OF_SYNC = """
npm error code EUSAGE
npm error
npm error `npm ci` can only install packages when package.json and package-lock.json are in sync.
npm error
npm error Missing: a@1.0.0 from lock file
"""
BUILD = """
  error: subprocess-exited-with-error
  × Getting requirements to build wheel did not run successfully.
  ╰─> [3 lines of output]
      Traceback (most recent call last):
      LookupError: setuptools-scm was unable to detect version
      [end of output]
ERROR: Failed to build 'mylib'
"""


class TestFindFailureReason:
    @pytest.mark.parametrize(
        ("output", "reason"),
        [
            (PREPARE, "the script 'husky' failed: sh: 1: husky: not found"),
            (INSTALL_SCRIPT, "the script 'node install.mjs' failed: Error: Cannot download: set BROWSER_SKIP_DOWNLOAD"),
            (OUT_OF_SYNC, "`npm ci` can only install packages when package.json and package-lock.json are in sync"),
            (BUILD, "LookupError: setuptools-scm was unable to detect version"),
            ("npm ERR! code E404\nnpm ERR! 404 Not Found - a@1", "404 Not Found - a@1"),
            ("ERROR: No matching distribution found for a==1", "No matching distribution found for a==1"),
            (" ERR_PNPM_OUTDATED_LOCKFILE  Cannot install with it", "Cannot install with it"),
            ("error An unexpected error occurred", "An unexpected error occurred"),
            ("npm error code 1\nnpm error command failed\nnpm error command sh -c make\nnpm error end",
             "the script 'make' failed: end"),
            ("", "it gave no reason"),
        ],
        ids=["prepare", "install script", "npm's usage", "build", "npm 6", "pip", "pnpm", "yarn", "last words", "none"],
    )  # fmt: skip
    def test_is_the_line_that_says_why(self, output: str, reason: str) -> None:
        assert find_failure_reason(output) == reason
