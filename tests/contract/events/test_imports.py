from __future__ import annotations

import subprocess
import sys

import pytest

SCRIPT = """
import sys
import pydantic
pydantic.AwareDatetime, pydantic.BaseModel, pydantic.Field
before = set(sys.modules)
import {module}
new = {{name.partition(".")[0] for name in set(sys.modules) - before}}
print(*sorted(new - sys.stdlib_module_names - {{"pydantic", "pydantic_core"}}))
"""


class TestImport:
    @pytest.mark.parametrize("module", ["event", "catalogue", "forms.cloudevents", "forms.semantest"])
    def test_loads_nothing_but_pydantic(self, module: str) -> None:
        script = SCRIPT.format(module=f"semantest_iac_events.{module}")

        result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)

        assert (result.stdout, result.stderr) == ("semantest_iac_events\n", "")
