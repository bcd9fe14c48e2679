import pytest

from srkit import InputError
from srkit.evaluation.pairing import find_pairs


def found(tmp_path, files: list[str], scale: int = 4, data: str = ".", lr: str | None = None):
    for name in files:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    return find_pairs(tmp_path / data, scale, None if lr is None else tmp_path / lr)


SELF_EX_SR = [f"image_SRF_{s}/img_001_SRF_{s}_{kind}.png" for s in (2, 4) for kind in ("HR", "LR", "bicubic")]


EDSR_LAYOUT = ["HR/baby.png", *(f"LR_bicubic/X{s}/babyx{s}.png" for s in (2, 3, 4))]


@pytest.mark.parametrize(
    "files, taken, left_out",
    [
        (["b.PNG", "a.jpg", "c/d.tif", ".e.png", ".cache/f.png"], ["a.jpg", "b.PNG", "c/d.tif"], ""),
        (["a.png", "Thumbs.db", "notes.txt"], ["a.png"], "2 files that are no images"),
        (SELF_EX_SR, ["image_SRF_4/img_001_SRF_4_HR.png"], "4 beside those named HR, 1 of another scale"),
        (EDSR_LAYOUT, ["HR/baby.png"], "3 beside those named HR"),
        (["GTmod12/a.png", "LRbicx4/a.png", "original/a.png"], ["GTmod12/a.png"], "2 beside those named HR"),
        (["a.png", "LRbicx4/a.png"], ["a.png"], "1 named LR"),
        (["x2/a.png", "x4/a.png"], ["x4/a.png"], "1 of another scale"),
        (["x2/a.png", "x3/a.png"], ["x2/a.png", "x3/a.png"], ""),
        (
            ["a.png", "a_x4.jpg", "ax2.png", "b_x4.png", "x4.png"],
            ["a.png", "b_x4.png", "x4.png"],
            "2 enlarged versions",
        ),
        (["Porsche GT 3.jpg", "photo.hr.png"], ["Porsche GT 3.jpg", "photo.hr.png"], ""),
    ],
)
def test_what_is_taken_of_a_folder(tmp_path, files, taken, left_out):
    pairs, line = found(tmp_path, files)
    assert [pair.name for pair in pairs] == taken
    assert left_out in line and ("left out" in line) == bool(left_out)


@pytest.mark.parametrize(
    "files, data, lr, matches",
    [
        (["h/a.png", "l/a.jpg"], "h", "l", {"a.png": "l/a.jpg"}),
        (["h/0001.png", "l/0001x4.png"], "h", "l", {"0001.png": "l/0001x4.png"}),
        (["h/a.png", "l/A_X4.PNG"], "h", "l", {"a.png": "l/A_X4.PNG"}),
        (
            ["h/1/a.png", "h/2/a.png", "l/1/a.png", "l/2/a.png"],
            "h",
            "l",
            {"1/a.png": "l/1/a.png", "2/a.png": "l/2/a.png"},
        ),
        (["a.png", "lr/a.png"], ".", "lr", {"a.png": "lr/a.png"}),
        (["a.png", "ax4.png"], ".", ".", {"a.png": "ax4.png"}),
        (EDSR_LAYOUT, ".", "LR_bicubic", {"HR/baby.png": "LR_bicubic/X4/babyx4.png"}),
        (SELF_EX_SR, ".", ".", {"image_SRF_4/img_001_SRF_4_HR.png": "image_SRF_4/img_001_SRF_4_LR.png"}),
    ],
)
def test_lr_is_found_under_customary_names(tmp_path, files, data, lr, matches):
    pairs, _ = found(tmp_path, files, data=data, lr=lr)
    assert {pair.name: pair.lr.relative_to(tmp_path).as_posix() for pair in pairs} == matches


@pytest.mark.parametrize(
    "files, message",
    [
        (
            ["h/a.png", "h/b.png", "l/a.png"],
            "1 of 2 HR images have no LR in .*: b.png. Expected names like b.png or bx4",
        ),
        (["h/a.png", "l/a.png", "l/a.jpg"], "more than one LR"),
        (["h/1/a.png", "h/2/a.png", "l/a.png"], "give folders built alike"),
    ],
)
def test_doubtful_pairs_are_refused(tmp_path, files, message):
    with pytest.raises(InputError, match=message):
        found(tmp_path, files, data="h", lr="l")


@pytest.mark.parametrize(
    "files, data, lr, left_out",
    [
        (["h/a.png", "l/a.png", "l/b.png"], "h", "l", "1 LR without HR"),
        (["a.png", "l/a.png", "l/b.png"], ".", "l", "1 LR without HR"),
        (SELF_EX_SR, ".", ".", "3 beside those named HR, 1 of another scale"),  # the LR in use is not among them
    ],
)
def test_lr_that_is_not_used_is_said(tmp_path, files, data, lr, left_out):
    _, line = found(tmp_path, files, data=data, lr=lr)
    assert line.endswith(f"; left out: {left_out}")
