import numpy as np
import pytest
from scipy import stats

from srkit import cli
from srkit.evaluation.benchmarking import benchmark
from srkit.evaluation.significance import wilcoxon_p


def test_several_models_are_compared_with_the_first(folder, capsys):
    result = benchmark(folder, 4, ["bicubic", "nearest", "lanczos"])
    first, *others = result["models"]
    assert "p" not in first and "images" not in result
    for other in others:
        for metric in ("psnr", "ssim", "lpips"):
            scores = [[image[metric] for image in model["images"]] for model in (first, other)]
            assert other["p"][metric] == pytest.approx(stats.wilcoxon(*scores).pvalue)
    assert others[0]["p"]["psnr"] == pytest.approx(2 / 2**6)  # nearest is worse on each of the six
    assert cli.main(["benchmark", "--data", str(folder), "--model", "bicubic", "nearest"]) == 0
    printed = capsys.readouterr().out
    assert "0.031" in printed and "Wilcoxon signed-rank test against bicubic over 6 images" in printed


def test_too_few_images_have_no_p(folder, capsys):
    (folder / "grey.png").unlink()
    assert benchmark(folder, 4, ["bicubic", "nearest"])["models"][1]["p"] == {"psnr": None, "ssim": None, "lpips": None}
    assert cli.main(["benchmark", "--data", str(folder), "--model", "bicubic", "nearest"]) == 0
    printed = capsys.readouterr().out
    assert "with 5 images none below 0.05 is possible" in printed and "p (PSNR)" not in printed


def test_equal_differences_are_tested_exactly():
    differences = [1.0, 1.0, -1.0, 2.0, 2.0, 0.5, 0.0, -0.5]
    signs = stats.PermutationMethod(n_resamples=10_000)  # all 128
    expected = stats.wilcoxon([each for each in differences if each], method=signs).pvalue
    assert wilcoxon_p([0.0] * 8, differences) == pytest.approx(expected)


def test_images_that_both_models_make_without_an_error_say_nothing():
    scores = [30.0, 31.0, 32.0, 33.0, 34.0, np.inf]
    better = [31.0, 33.0, 35.0, 37.0, 39.0, np.inf]
    assert wilcoxon_p(scores, better) is None  # 5 differ
    assert wilcoxon_p([29.0, *scores], [np.inf, *better]) == pytest.approx(2 / 2**6)
