import numpy as np

from srkit.image import centre_crop, crop_to_multiple, nearest, size_text, to_grey, to_uint8, y_channel


def test_rounds_and_clips():
    assert to_uint8(np.array([-3.0, 0.4, 0.6, 254.6, 300.0])).tolist() == [0, 0, 1, 255, 255]


def test_luma_is_matlabs():
    # rgb2ycbcr(uint8(…)) of the corners of the colour cube, as MATLAB documents and prints them.
    colours = {(0, 0, 0): 16, (255, 255, 255): 235, (255, 0, 0): 81, (0, 255, 0): 145, (0, 0, 255): 41}
    for colour, expected in colours.items():
        assert y_channel(np.full((2, 2, 3), colour, np.uint8)).tolist() == [[expected] * 2] * 2


def test_grey_has_equal_channels_and_stays_grey(cat):
    grey = to_grey(cat)
    assert grey.dtype == np.uint8 and (grey == grey[..., :1]).all()
    np.testing.assert_array_equal(to_grey(grey), grey)
    np.testing.assert_allclose(grey[..., 0], cat @ [0.299, 0.587, 0.114], atol=0.51)


def test_crops(cat):
    assert crop_to_multiple(cat, 4).shape == (300, 448, 3)
    np.testing.assert_array_equal(crop_to_multiple(cat, 4), cat[:, :448])
    np.testing.assert_array_equal(centre_crop(cat, 100, 51), cat[100:200, 200:251])
    assert centre_crop(cat, 1000, 10).shape == (300, 10, 3)


def test_nearest_repeats_pixels():
    assert nearest(np.array([[1, 2]]), 2).tolist() == [[1, 1, 2, 2], [1, 1, 2, 2]]


def test_size_in_words(cat):
    assert size_text(cat) == size_text(cat[..., 0]) == "451x300 px"
