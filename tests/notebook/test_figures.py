import matplotlib.pyplot as plt
import numpy as np
import pytest

from srkit.notebook import comparison_figure, learning_curves


def test_learning_curves_smooth_losses_and_mark_scores():
    history = [{"step": step, "loss": float(step % 2)} for step in range(1, 201)]
    history[99]["psnr"], history[199]["psnr"] = 28.0, 29.0
    figure = learning_curves(history, ("loss", "psnr"), smooth=50)
    loss, psnr = (axis.lines[0] for axis in figure.axes)
    assert loss.get_ydata() == pytest.approx(np.full(151, 0.5))
    np.testing.assert_array_equal(psnr.get_xydata(), [(100, 28), (200, 29)])
    plt.close(figure)


def test_comparison_scores_what_has_the_originals_size(cat):
    hr = cat[:80, :120]
    figure = comparison_figure({"LR": hr[::4, ::4], "SR": np.clip(hr + 3, 0, 255).astype(np.uint8), "HR": hr})
    captions = [axis.get_xlabel() for axis in figure.axes if axis.get_xlabel()]
    assert captions[0] == "30x20 px" and "dB" in captions[1] and captions[2] == "original"
    plt.close(figure)


def test_crops_show_the_same_part_to_the_fraction_of_a_pixel(cat):
    hr = cat[:80, :120]
    figure = comparison_figure({"LR": hr[::4, ::4], "HR": hr}, zoom=(10, 30, 17))
    small, large = figure.axes[2:]
    np.testing.assert_allclose((*large.get_xlim(), *large.get_ylim()), (29.5, 46.5, 26.5, 9.5))
    np.testing.assert_allclose((*small.get_xlim(), *small.get_ylim()), (7, 11.25, 6.25, 2))
    np.testing.assert_array_equal(small.images[0].get_array(), hr[::4, ::4][2:7, 7:12])
    plt.close(figure)


def test_huge_images_are_drawn_from_fewer_pixels(cat):
    figure = comparison_figure({"small": cat, "large": np.zeros((3000, 4510, 3), np.uint8)})
    large = figure.axes[1].images[0]
    assert large.get_array().shape == (1000, 1504, 3)
    assert tuple(large.get_extent()) == (-0.5, 4509.5, 2999.5, -0.5)
    plt.close(figure)
