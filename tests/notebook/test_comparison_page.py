import numpy as np
import pytest

from srkit import InputError
from srkit.image import interpolate
from srkit.notebook import ComparisonPage, comparison_page


def test_large_photographs_are_shown_whole_and_where_their_detail_is(tmp_path, cat):
    page = ComparisonPage(tmp_path / "page.html")
    lr = np.full((500, 700, 3), 128, np.uint8)
    lr[300:450, 500:650] = cat[:150, 200:350]
    page.add("a <b>ä", lr, interpolate(lr, 2), ("LR", "SR"))
    page.add("small", cat, cat)
    page.write()
    text = (tmp_path / "page.html").read_text("ascii")
    assert "<h2>a &lt;b&gt;&#228;</h2>" in text and "http" not in text
    assert text.count('class="srkit-compare"') == 3
    assert "reduced to 960x686 px" in text and "the 640x640 px from " in text
    # The square holds the detail, which begins 600 px down and 1000 px across.
    top, left, side = comparison_page._most_detailed(lr, interpolate(lr, 2))
    assert top <= 600 and top + side >= 900 and left <= 1000 and left + side >= 1300


def test_a_page_ends_before_it_is_too_large(tmp_path, cat, monkeypatch):
    monkeypatch.setattr(comparison_page, "MAX_BYTES", 400_000)
    page = ComparisonPage(tmp_path / "page.html")
    for index in range(9):
        page.add(f"cat {index}", cat, cat)
    page.write()
    text = (tmp_path / "page.html").read_text("ascii")
    assert "cat 0" in text and "cat 8" not in text and "Further photographs are left out" in text
    assert len(text) < 402_000


def test_a_page_is_refused_goes_on_or_is_replaced(tmp_path, cat):
    path = tmp_path / "page.html"
    for index, existing in enumerate(("refuse", "skip", "skip", "overwrite")):
        page = ComparisonPage(path, existing)
        page.add(f"cat {index}", cat, cat)
        page.write()
        shown = [number for number in range(4) if f"<h2>cat {number}</h2>" in path.read_text("ascii")]
        assert shown == ([3] if existing == "overwrite" else list(range(index + 1)))
    with pytest.raises(InputError, match="already there"):
        ComparisonPage(path)
    path.write_text("my page")
    with pytest.raises(InputError, match="no page of comparisons"):
        ComparisonPage(path, "skip")
    with pytest.raises(InputError, match=r"must end in \.html"):
        ComparisonPage(tmp_path / "page.jpg")
    assert path.read_text() == "my page"
