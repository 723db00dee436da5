from __future__ import annotations

import pytest

from semantest_iac.domain.networking.http_exchange import HttpResponse


class TestResponse:
    @pytest.mark.parametrize("status", [0, 1, 99, 100, 101, 199, 600, 1000])
    def test_has_a_final_status(self, status: int) -> None:
        with pytest.raises(ValueError, match="200 to 599"):
            HttpResponse(status)

    @pytest.mark.parametrize(
        "header",
        [("", "a"), ("a b", "c"), ("a:", "b"), ("a\r\n", "b"), ("a", "b\r\nc: d"), ("a", "\0"), ("a", "\ud800")],
        ids=["empty", "space", "colon", "split-name", "split-value", "nul", "surrogate"],
    )
    def test_refuses_headers_that_cannot_be_sent(self, header: tuple[str, str]) -> None:
        with pytest.raises(ValueError, match="header"):
            HttpResponse(200, (header,))

    def test_accepts_tabs_and_other_alphabets_in_a_header(self) -> None:
        assert HttpResponse(200, (("x-a", "é\t☃"),)).headers == (("x-a", "é\t☃"),)
