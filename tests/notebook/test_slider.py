import base64
import io
import json
from html.parser import HTMLParser

import matplotlib.pyplot as plt
import numpy as np
import pytest
from IPython.core.formatters import DisplayFormatter
from PIL import Image

import srkit
from srkit import InputError
from srkit.evaluation import metrics
from srkit.image import crop_to_multiple, downscale, interpolate, nearest, write_image


class Page(HTMLParser):
    """The parts of a slider that a browser would make of it."""

    def __init__(self, text: str):
        super().__init__()
        self.tags, self.images, self.text = [], [], ""
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag == "img":
            header, content = dict(attributes)["src"].split(",")
            assert header == "data:image/jpeg;base64"
            self.images.append(np.asarray(Image.open(io.BytesIO(base64.b64decode(content)))))

    def handle_data(self, data):
        self.text += data


def test_slider_shows_both_images_at_one_size_and_says_what_was_done(cat):
    hr = crop_to_multiple(cat, 4)
    lr = downscale(hr, 4)
    page = Page(srkit.compare(lr, hr, labels=("LR", "HR")).html())
    before, after = page.images
    assert before.shape == after.shape == hr.shape
    assert metrics.psnr(hr, after) > 35  # JPEG
    assert metrics.psnr(interpolate(lr, 4), before, border=4) > 35
    assert "LR (112x75 px) and HR (448x300 px); LR enlarged by bicubic interpolation; JPEG" in page.text


def test_large_images_are_reduced_and_small_squares_enlarged(cat):
    large = nearest(cat, 4)
    page = Page(srkit.compare(cat, large).html())
    assert [image.shape for image in page.images] == [(639, 960, 3)] * 2
    assert "reduced to 960x639 px" in page.text
    assert sum(len(attributes.get("src", "")) for _, attributes in page.tags) < 700_000
    page = Page(srkit.compare(cat, large, zoom=(400, 600, 200)).html())
    before, after = page.images
    assert before.shape == after.shape == (200, 200, 3)
    assert metrics.psnr(large[400:600, 600:800], after) > 35
    assert metrics.psnr(interpolate(cat, 4)[400:600, 600:800], before) > 35
    assert "the 200x200 px from 400 px down and 600 px across; each pixel repeated 3x3 times" in page.text


def test_slider_needs_nothing_from_outside_and_can_be_there_twice(cat):
    text = srkit.compare(cat, cat[:, ::-1], labels=("<b>ä", 'a "b"')).html()
    page = Page(text)
    assert text.isascii() and "http" not in text
    assert not any(tag in ("script", "link", "iframe") or "id" in attributes for tag, attributes in page.tags)
    (slider,) = (attributes for tag, attributes in page.tags if tag == "input")
    assert slider["type"] == "range" and slider["aria-label"] == 'How much of <b>ä covers a "b"'
    assert [attributes["alt"] for tag, attributes in page.tags if tag == "img"] == ["<b>ä", 'a "b"']


def test_notebooks_get_the_slider_and_a_figure_for_what_shows_no_html(cat):
    data, _ = DisplayFormatter().format(srkit.compare(cat[::2, ::2], cat, labels=("small", "large")))
    assert "<input" in data["text/html"]
    assert data["text/plain"] == "Comparison of small (226x150 px) and large (451x300 px)"
    with Image.open(io.BytesIO(base64.b64decode(data["image/jpeg"]))) as figure:
        assert figure.format == "JPEG" and min(figure.size) > 300
    assert len(json.dumps(data)) < 1_000_000
    assert not plt.get_fignums()


def test_files_and_pil_images_can_be_compared_and_drawn(cat, tmp_path):
    write_image(tmp_path / "cat.png", cat)
    figure = srkit.compare(tmp_path / "cat.png", Image.fromarray(cat).convert("L"), zoom=(0, 0, 1)).figure()
    assert [axis.get_title() for axis in figure.axes[:2]] == ["before", "after"]
    plt.close(figure)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"after": np.zeros((300, 455, 3), np.uint8)}, "451x300 px and 455x300 px"),
        ({"after": np.zeros((451, 300, 3), np.uint8)}, "one must be the other enlarged"),
        ({"after": "missing.png"}, r"no file missing\.png"),
        ({"zoom": (200, 0, 101)}, "101 px from 200 px down and 0 px across, is not inside the 451x300 px"),
        ({"zoom": (-1, 0, 10)}, "is not inside"),
        ({"labels": ("same", "same")}, "labels that differ"),
    ],
)
def test_what_cannot_be_compared_is_said(cat, arguments, message):
    with pytest.raises(InputError, match=message):
        srkit.compare(**{"before": cat, "after": cat, **arguments})


def test_sides_that_were_rounded_fit(cat):
    for width in range(452, 700, 7):
        height = round(300 * width / 451)
        srkit.compare(cat, np.zeros((height, width, 3), np.uint8))
