"""Sums of estimates, and what is not known."""

from __future__ import annotations

from semantest_iac.domain.costs.estimates import CostEstimate, CostItem, CostRise, Price, merge_items

PRICE = Price(0.5, "https://example.org/prices", "2026-01-01")
NEWER = Price(2, "https://example.org/prices", "2026-06-01")
ITEMS = (
    CostItem("api", "requests", 3, "million", PRICE),
    CostItem("live", "instances", 2, "each", NEWER, is_fixed=True),
    CostItem("table", "operations", 7, "million", None),
)


class TestEstimates:
    def test_sum_what_is_known(self) -> None:
        estimate = CostEstimate(ITEMS, "us-east-1")

        assert (estimate.total, estimate.fixed, estimate.dated) == (5.5, 4, ("2026-01-01", "2026-06-01"))
        assert [item.resource for item in estimate.unknown] == ["table"]

    def test_show_unknown_prices_as_unknown(self) -> None:
        shown = CostEstimate(ITEMS, "us-east-1").as_dict()

        assert (shown["monthly"], shown["unknown"]) == (5.5, ["table: operations"])
        assert [(item["price"], item["monthly"], item["source"]) for item in shown["items"]] == [
            (0.5, 1.5, PRICE.source),
            (2, 4, PRICE.source),
            (None, None, None),
        ]

    def test_leave_out_what_there_is_nothing_of(self) -> None:
        assert merge_items([*ITEMS, CostItem("api", "messages", 0, "million", None)]) == ITEMS


class TestRises:
    def test_compare_sums(self) -> None:
        rise = CostRise(CostEstimate(ITEMS[:1]), CostEstimate(ITEMS))

        assert (rise.rise, [item.resource for item in rise.newly_unknown]) == (4, ["table"])
        assert {key: rise.as_dict()[key] for key in ("before", "monthly", "rise")} == {
            "before": 1.5,
            "monthly": 5.5,
            "rise": 4,
        }

    def test_of_a_first_deployment_are_all_of_it(self) -> None:
        rise = CostRise(None, CostEstimate(ITEMS))

        assert (rise.rise, rise.as_dict()["before"]) == (5.5, None)

    def test_know_what_was_unknown_before(self) -> None:
        assert CostRise(CostEstimate(ITEMS), CostEstimate(ITEMS)).newly_unknown == ()
