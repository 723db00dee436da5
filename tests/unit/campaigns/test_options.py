"""What `make campaign NAME` passes on is known to every campaign."""

from __future__ import annotations

import pytest

from tests.campaigns.__main__ import CAMPAIGNS, main


@pytest.mark.parametrize("name", CAMPAIGNS)
def test_each_campaign_knows_the_number_of_workers(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main([name, "--workers", "2", "--no-such-option"])

    assert capsys.readouterr().err.endswith("error: unrecognized arguments: --no-such-option\n")
