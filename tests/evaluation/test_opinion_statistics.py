import numpy as np
import pytest
from opinion_raters import calibrate, paper_study, rate, record

from srkit import InputError
from srkit.evaluation.opinion import append_answer, draw_report, print_report, report_study
from srkit.evaluation.opinion import statistics as stats

METHODS = ("nearest", "bicubic", "original")


def test_agreement_is_that_of_the_literature():
    # Shrout and Fleiss 1979, table 2: six targets, four judges; their results are 0.29 and 0.62.
    judged = np.array([[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]])
    assert stats.intraclass_correlation(judged) == pytest.approx((0.29, 0.62), abs=0.005)
    assert stats.intraclass_correlation(judged[:, :1]) is None
    # By the table of counts: 1 - sum(weights * observed) / sum(weights * expected).
    first, second = [1, 2, 3, 4, 5, 5], [1, 3, 3, 5, 4, 5]
    counts = np.zeros((5, 5))
    for one, two in zip(first, second):
        counts[one - 1, two - 1] += 1
    weights = np.square(np.subtract.outer(np.arange(5), np.arange(5)))
    expected = np.outer(counts.sum(axis=1), counts.sum(axis=0)) / 6
    assert stats.weighted_kappa(first, second) == pytest.approx(
        1 - (weights * counts).sum() / (weights * expected).sum()
    )
    assert stats.weighted_kappa([3, 3], [3, 3]) is None and stats.weighted_kappa([], []) is None


def test_bradley_terry_finds_the_scores_that_made_the_wins():
    true = np.array([1.0, 0.2, -0.3, -0.9])
    chance = 1 / (1 + np.exp(true[None] - true[:, None]))
    wins = 5000 * chance * (1 - np.eye(4))
    assert stats.bradley_terry(wins) == pytest.approx(true, abs=2e-3)
    assert np.isfinite(stats.bradley_terry(np.array([[0, 7], [0, 0]]))).all()


def test_intervals_hold_the_mean_as_often_as_they_say():
    rng = np.random.default_rng(0)
    held = []
    for _ in range(200):
        ratings = 3 + rng.normal(0, 0.5, (8, 1)) + rng.normal(0, 0.5, (1, 12)) + rng.normal(0, 0.7, (8, 12))
        low, high = stats.mean_interval(ratings)
        held.append(low <= 3 <= high)
    assert 0.9 <= np.mean(held) <= 0.99
    assert stats.mean_interval(np.array([[3.0]])) is None


def test_a_difference_that_is_there_is_found_and_none_where_there_is_none(tmp_path):
    study = paper_study(tmp_path, 12, METHODS, num_sets=30)
    rate(study, {"nearest": 2.5, "bicubic": 2.5, "original": 3.5}, num_raters=6, seed=1)
    rows = report_study(tmp_path)["comparisons"]
    equal = [row["p"] for row in rows if row["other"] == "bicubic"]
    different = [row["p"] for row in rows if row["other"] == "original"]
    # At p < 0.05 at most one set in twenty: 1.5 of 30; more than 5 come by chance once in three hundred times.
    assert len(equal) == 30 and sum(p is not None and p < 0.05 for p in equal) <= 5
    assert len(different) == 60 and sum(p is not None and p < 0.05 for p in different) > 54


def test_pairs_find_a_difference_that_is_there_and_none_where_there_is_none(tmp_path):
    study = paper_study(tmp_path, 24, ("a", "b", "c"), num_sets=10, pairwise=True)
    rate(study, {"a": 0, "b": 0, "c": 1.5}, num_raters=1, seed=2)
    report = report_study(tmp_path)
    rows = {
        pair: [row["p"] for row in report["comparisons"] if row["first"] + row["other"] == pair]
        for pair in ("ab", "ac", "bc")
    }
    assert sum(p < 0.05 for p in rows["ab"]) <= 3
    assert sum(p < 0.05 for p in rows["ac"] + rows["bc"]) > 15
    for row in report["methods"]:
        low, high = row["interval"]
        assert low <= row["score"] <= high and (row["score"] > 0.3) == (row["method"] == "c")
    assert report["repeats"]["pairs"] == study.num_repeated and 0.4 < report["left"] < 0.6


@pytest.fixture
def report(tmp_path) -> dict:
    study = paper_study(tmp_path, 8, METHODS)
    rate(study, {"nearest": 1.5, "bicubic": 2.5, "original": 4.5}, num_raters=5, seed=0)
    for answer in calibrate(study, "careless", is_careful=False):
        append_answer(study, answer)
    append_answer(study, record(study, "careless", 99, study.trials[0], 5))
    return report_study(tmp_path)


def test_report_counts_every_answer_of_raters_who_can_be_trusted(report):
    nearest, bicubic, original = report["methods"]
    for row in report["methods"]:
        assert sum(row["distribution"]) == row["answers"] == 40
        assert row["mos"] == pytest.approx(np.dot(row["distribution"], [1, 2, 3, 4, 5]) / 40)
        assert row["interval"][0] < row["mos"] < row["interval"][1]
    assert nearest["mos"] < bicubic["mos"] < original["mos"] and original["metrics"] == {"psnr": None}
    assert report["correlations"][0]["spearman"] > 0.6 and report["correlations"][0]["pictures"] == 16
    assert (
        report["agreement"]["raters"] == 5 and 0.5 < report["agreement"]["icc_single"] < report["agreement"]["icc_mean"]
    )
    assert report["repeats"]["pairs"] == 5 * 3 and report["repeats"]["kappa"] > 0
    assert {row["rater"]: row["counts"] for row in report["raters"]}["careless"] is False
    assert "calibration failed: careless" in report["notes"][0]


def test_simulated_answers_are_called_so_in_table_and_figure(report, capsys, tmp_path):
    print_report(report)
    printed = capsys.readouterr().out
    assert "SIMULATED" in printed and "Wilcoxon" in printed and "weighted kappa" in printed and "careless" in printed
    figure = draw_report(report)
    assert "SIMULATED" in figure.get_suptitle()
    figure.savefig(tmp_path / "report.png")
    print_report({**report, "simulated": False})
    assert "SIMULATED" not in capsys.readouterr().out
    assert draw_report({**report, "simulated": False}).get_suptitle() == "5 raters"


def test_one_rater_and_one_image_have_means_and_nothing_that_they_cannot_have(tmp_path, capsys):
    study = paper_study(tmp_path, 1, METHODS)
    with pytest.raises(InputError, match="no answer that counts yet"):
        report_study(tmp_path)
    for number, names in enumerate(study.trials):
        append_answer(study, record(study, "one", number, names, number + 2))
    report = report_study(tmp_path)
    assert [row["mos"] for row in report["methods"]] == [2, 3, 4]
    assert all(row["interval"] is None for row in report["methods"])
    assert all(row["p"] is None for row in report["comparisons"]) and report["agreement"] is None
    assert "not finished, and counted as far as they are: one (3 of 4)" in report["notes"][0]
    print_report(report)
    draw_report(report)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("pairwise", [False, True])
def test_first_answers_say_nothing_of_the_other_methods(pairwise, tmp_path, capsys):
    study = paper_study(tmp_path, 2, ("a", "b", "c"), num_sets=2, pairwise=pairwise)
    append_answer(study, record(study, "A", 0, study.trials[0], 2))  # a, or that b is better than a
    report = report_study(tmp_path)
    name = "score" if pairwise else "mos"
    assert [row["method"] for row in report["methods"] if row[name] is not None] == (["a", "b"] if pairwise else ["a"])
    if pairwise:
        assert report["methods"][0]["score"] < 0 < report["methods"][1]["score"]
    print_report(report)
    assert "nan" not in capsys.readouterr().out
    draw_report(report)
