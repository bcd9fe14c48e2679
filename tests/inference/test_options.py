import pytest

from srkit import InputError
from srkit.inference import UpscaleOptions
from srkit.inference.options import memory_size, overlap_of_tiles


@pytest.mark.parametrize("text, size", [("4G", 4 * 2**30), ("500 MB", 500 * 2**20), ("1.5gib", 1.5 * 2**30), ("9", 9)])
def test_memory_is_given_as_people_write_it(text, size):
    assert memory_size(text) == size


def test_overlap_is_a_word_or_a_number():
    assert [overlap_of_tiles(text) for text in ("exact", "auto", "0", "24")] == ["exact", "auto", 0, 24]
    with pytest.raises(InputError, match="exact, auto or a number of pixels"):
        overlap_of_tiles("1.5")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"quality": 0}, "quality must be from 1 to 100; received 0"),
        ({"width": 0}, "width must be at least 1"),
        ({"scale": 2.0, "width": 100}, "either a scale, or a width"),
        ({"precision": "half"}, "no precision 'half'"),
        ({"existing": "ask"}, "existing"),
        ({"overlap": "some"}, "no overlap 'some'"),
        ({"overlap": -1}, "at least 0 px; received -1"),
    ],
)
def test_options_out_of_range_are_refused(options, message):
    with pytest.raises(InputError, match=message):
        UpscaleOptions(**options)
