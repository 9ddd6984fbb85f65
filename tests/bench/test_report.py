"""Reports say what was measured, mark what misses its line, and hide no failure."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from datetime import date

import pytest

from bench.load.driver import Tally, step_of
from bench.load.hottest import Hot, Noted
from bench.load.kept import Kept
from bench.load.lines import HOME, Line, lines, share
from bench.load.measured import NULL_NAME, Measured, Wishes
from bench.load.plots import plot
from bench.load.raw_figures import Compared
from bench.load.report import Result, growth_table, report
from bench.load.stack import Size
from bench.load.summed import said
from bench.load.time_needed import time_needed
from school_app.core.db.plans import Step


def result(schools: int, home: float, *, took: float = 0.1) -> Result:
    measured = Measured(visitors=100, accounts=20, most_open=100)
    measured.alone.rates[NULL_NAME] += [1_000.0, 2_000.0, 1_000.0]
    measured.alone.p95[NULL_NAME] += [1.0, 1.0, 1.0]
    measured.alone.rates[HOME] += [home, 2 * home, home]
    measured.steady.took[HOME] += [took] * 100
    tally = Tally(due=20, done=20)
    tally.took[HOME] += [took] * 20
    measured.climbed = [(step_of(20, 1, tally), tally)]
    measured.rate = 20
    measured.kept = [Kept("note", 3, 3, 3, lost=0)]
    return Result(Size(schools, 1_000 * schools, 3, 100), Wishes(), measured)


def test_a_share_is_the_median_of_the_rounds_own_ratios() -> None:
    assert share(result(5, 40).measured.alone.rates, HOME) == pytest.approx(0.04)


def test_a_report_tells_waits_shares_rates_and_what_was_kept() -> None:
    text = report(result(5, 40), "Somewhere.")
    assert f"| {HOME} | 40.0 | 0.040 |  |  | 100 | 100 | 100 | 100 | 100 |" in text
    assert "| note | 3 | 3 | 3 | 0 |" in text
    assert "The highest rate that was held: 20.0 visits/s. The knee lies above it" in text
    assert "| missed |" not in text
    assert "Nothing went wrong." in text


def test_what_misses_its_line_is_marked() -> None:
    text = report(result(5, 20, took=0.2), "Somewhere.")
    assert f"| {HOME}: p95 ms in the mix | 200 | ≤ 100 | missed |" in text
    assert "| Connections dropped or refused | 0 | ≤ 0 | met |" in text
    assert "| First page, uncached: × empty answer |  | ≥ 0.03 | not measured |" in text


def test_every_line_of_pages_is_told_whether_or_not_it_was_measured() -> None:
    told = [one.what for one in lines(Measured())]
    assert len(told) == len(set(told)) + told.count("… ms of it in the database, on average") - 1
    assert all(one.found is None for one in lines(Measured()) if "page" in one.what)
    assert [one.verdict for one in (Line("a", 2, 3), Line("b", 2, 3, at_least=True), Line("c", None, 3))] == [
        *("met", "missed", "not measured")
    ]


def test_a_layer_is_told_by_what_a_page_gives_with_it_for_each_answer_without_it() -> None:
    one = result(5, 40)
    # Of the second round everything took half as long, the empty answer as well; of the last the layer brought more.
    one.measured.without["indexes"].rates[NULL_NAME] += [1_000.0, 4_000.0, 1_000.0]
    one.measured.without["indexes"].rates[HOME] += [8.0, 32.0, 4.0]
    assert f"| {HOME} | 5.00 |" in report(one, "Somewhere.")
    one.measured.without["indexes"].rates[HOME][0] = 0.0
    assert f"| {HOME} | not answered without it |" in report(one, "Somewhere.")


def test_the_figures_of_a_school_are_told_read_and_counted() -> None:
    one = result(5, 40)
    one.measured.summaries["a week"] += [Compared(0.002, 0.1), Compared(0.001, 0.1), Compared(0.002, 0.1)]
    assert "| a week | 2.0 | 100 | 50 |" in report(one, "Somewhere.")


def test_the_hottest_statements_stand_in_the_report_with_their_plans() -> None:
    one = result(5, 40)
    noted = Noted("select student", "school_app.students.queries.found:7", count=4, seconds=2.0)
    one.measured.hot = [Hot(noted, 0.25, [Step("select student", "student", "", "ref", "ix_student", 30, "")])]
    text = report(one, "Somewhere.")
    assert "| 1. select student, school_app.students.queries.found:7 | 4 | 2.00 | 500.0 | 25% |" in text
    assert "1. student: ref by ix_student, 30 rows" in text


def test_what_the_check_of_summaries_says_is_added_up_and_a_difference_misses_its_line() -> None:
    said_by_two = (
        "A: 1,0\nA School: 30 rows compared, 0 differences\nB: 12 rows compared, 2 differences, 1 days still due\n"
    )
    one = result(5, 40)
    one.measured.summed = said(said_by_two, date(2026, 11, 2), status=1, seconds=3.0)
    assert (one.measured.summed.rows, one.measured.summed.differences, one.measured.summed.waiting) == (42, 2, 1)
    text = report(one, "Somewhere.")
    assert "| Summaries that differ from their rows | 2 | ≤ 0 | missed |" in text
    assert "42 rows of all schools compared, 2 differences, 1 days still due and passed over, status 1" in text


def test_the_time_that_a_measurement_takes_is_told_before_it_begins() -> None:
    told = time_needed(Size(50, 50_000, 3, 1_000_000), Wishes(rounds=2), with_layers=True)
    assert told.startswith("50 schools, about ")
    assert "of 2 rounds" in told


def test_what_went_wrong_stands_in_the_report() -> None:
    one = result(5, 40)
    one.measured.steady.wrong["503 from Alerts"] += 2
    one.measured.steady.unanswered = 4
    text = report(one, "Somewhere.")
    assert "- 503 from Alerts: 2" in text
    assert "not answered within the time allowed after the last visit of a rate: 4" in text
    assert "Nothing went wrong" not in text


def test_growth_is_in_empty_answers_and_marked_beyond_its_line() -> None:
    text = growth_table([result(5, 40), result(50, 16)])
    assert f"| {HOME} | 25.0 | 62.5 | 2.50 | ≤ 2 | missed |" in text


def test_a_figure_is_well_formed_and_names_its_lines() -> None:
    figure = plot("A & B", "students", "ms", {"5 < 50": [(0, 1), (10, 5)], "other": [(0, 2)]})
    drawn = ElementTree.fromstring(figure)
    texts = [one.text for one in drawn.iter("{http://www.w3.org/2000/svg}text")]
    assert {"A & B", "students", "ms", "5 < 50", "other"} <= set(texts)
    assert len(list(drawn.iter("{http://www.w3.org/2000/svg}circle"))) == 3


@pytest.mark.parametrize(
    ("most", "told"),
    [(50_000, ["0", "10,000", "50,000"]), (57, ["0", "20", "60"]), (0.7, ["0", "0.2", "0.8"]), (1, ["0", "0.2", "1"])],
)
def test_a_figure_is_marked_with_round_numbers_that_reach_its_greatest_value(most: float, told: list[str]) -> None:
    figure = plot("A", "across", "upward", {"one": [(0, 0), (most, 3)]})
    assert all(f">{number}</text>" in figure for number in told)
    assert "e+" not in figure


def test_a_figure_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="nothing to draw"):
        plot("Empty", "x", "y", {})
