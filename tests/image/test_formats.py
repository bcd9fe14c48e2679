import numpy as np
import pytest
from PIL import Image

from srkit import InputError
from srkit.image import (
    FORMATS,
    Photo,
    check_target,
    format_of,
    list_images,
    read_image,
    read_photo,
    write_image,
    write_photo,
)
from srkit.image.formats import with_writable_extension


@pytest.mark.parametrize("name", ["photo", "photo.doc"])
def test_unknown_format_is_refused(cat, tmp_path, name):
    with pytest.raises(InputError, match="extension"):
        write_image(tmp_path / name, cat)


def test_folders_are_searched_in_order_whatever_the_names(cat, tmp_path):
    for name in ("b.PNG", "a dog.jpeg", "nested/ünï.webp", ".hidden.png", ".thumbnails/b.png", "notes.txt"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        if path.suffix == ".txt":
            path.write_text("no image")
        else:
            Image.fromarray(cat).save(path)
    names = [path.relative_to(tmp_path).as_posix() for path in list_images(tmp_path)]
    assert names == ["a dog.jpeg", "b.PNG", "nested/ünï.webp"]


@pytest.mark.parametrize("name", FORMATS)
def test_table_says_what_a_format_can_hold(cat, tmp_path, name):
    entry = FORMATS[name]
    path = tmp_path / f"a{entry.extensions[0]}"
    Image.init()
    if not entry.writable:
        with pytest.raises(InputError, match="cannot hold a photograph"):
            format_of(path)
        return
    if name not in Image.SAVE:
        pytest.skip(f"{name} needs another package")
    assert format_of(path) is entry
    assert (write_photo(path, Photo(cat, alpha=cat[..., 0])) == ()) == entry.alpha
    assert read_image(path).shape == cat.shape
    assert (write_photo(path, Photo(cat, xmp=b"<x:xmpmeta/>")) == ()) == entry.metadata


OF_PILLOW = ("jfif", "jpe", "jp2", "j2k", "ppm", "pgm", "tga", "sgi", "pcx", "dds", "bmp", "dib", "avif", "tif", "webp")


@pytest.mark.parametrize("is_grey", [False, True])
@pytest.mark.parametrize("extension", OF_PILLOW)
def test_all_formats_that_pillow_writes_are_photographs(cat, tmp_path, extension, is_grey):
    small = cat[100:124, 150:182]
    path = tmp_path / f"a.{extension}"
    write_photo(path, Photo(small[..., 1] if is_grey else small))
    assert list_images(tmp_path) == [path]
    with Image.open(path) as image:
        assert Image.registered_extensions()[path.suffix] == image.format
    expected = small[..., [1, 1, 1]] if is_grey else small
    assert np.abs(read_photo(path).pixels.reshape(24, 32, -1).astype(int) - expected).mean() < 4


EXTENDED = {"a.JPG": "a.JPG", "a.gif": "a.gif.png", "a": "a.png", "a.b": "a.b.png"}


@pytest.mark.parametrize("name, expected", EXTENDED.items())
def test_extension_is_added_where_none_can_be_written(tmp_path, name, expected):
    assert with_writable_extension(tmp_path / name).name == expected


def test_place_that_cannot_be_written_to_is_known_beforehand(tmp_path):
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="it is a folder"):
        check_target(tmp_path / "folder.png", 1, 1)
    with pytest.raises(InputError, match="is a file"):
        check_target(tmp_path / "file" / "a.png", 1, 1)
