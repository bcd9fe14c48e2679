import numpy as np
import pytest
from PIL import Image

from srkit import InputError
from srkit.files import write_atomically
from srkit.image import list_images, read_image, to_uint8, write_image, y_channel


def test_written_png_reads_back_the_same(cat, tmp_path):
    write_image(tmp_path / "new folder" / "cät 1.png", cat)
    assert np.array_equal(read_image(tmp_path / "new folder" / "cät 1.png"), cat)


@pytest.mark.parametrize("mode", ["L", "P", "CMYK", "RGBA", "LA", "1", "I;16", "RGB"])
def test_every_mode_is_read_as_rgb(cat, tmp_path, mode):
    image = Image.fromarray(cat)
    if mode == "I;16":
        grey = np.asarray(image.convert("L")).astype(np.uint16) * 257
        image, expected = Image.fromarray(grey), np.asarray(image.convert("L"))
    else:
        image = image.convert(mode)
        expected = np.asarray(image.convert("L"))
    path = tmp_path / f"image{'.tif' if mode == 'CMYK' else '.png'}"
    image.save(path)
    read = read_image(path)
    assert read.shape == cat.shape and read.dtype == np.uint8
    grey = np.asarray(Image.fromarray(read).convert("L")).astype(int)
    assert np.abs(grey - expected).max() <= 1


def test_exif_orientation_is_applied(cat, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees clockwise
    Image.fromarray(cat).save(tmp_path / "turned.png", exif=exif)
    assert np.array_equal(read_image(tmp_path / "turned.png"), np.rot90(cat, -1))


def test_transparency_is_laid_over_white(tmp_path):
    Image.new("RGBA", (8, 8), (255, 0, 0, 0)).save(tmp_path / "clear.png")
    assert (read_image(tmp_path / "clear.png") == 255).all()


def test_channels_keep_their_order(tmp_path):
    Image.new("RGB", (4, 4), (250, 100, 3)).save(tmp_path / "a.png")
    assert read_image(tmp_path / "a.png")[0, 0].tolist() == [250, 100, 3]


@pytest.mark.parametrize("damage", ["text", "cut", "empty", "missing", "folder"])
def test_what_is_no_image_is_named(cat, tmp_path, damage):
    path = tmp_path / "photo.jpg"
    if damage == "folder":
        path.mkdir()
    elif damage == "text":
        path.write_text("this is a shopping list")
    elif damage in ("cut", "empty"):
        Image.fromarray(cat).save(path)
        path.write_bytes(path.read_bytes()[: 2000 if damage == "cut" else 0])
    with pytest.raises(InputError, match=r"photo\.jpg"):
        read_image(path)


def test_float_array_is_refused(cat):
    with pytest.raises(InputError, match="uint8"):
        read_image(cat / 255)


def test_failed_write_leaves_what_was_there(tmp_path):
    path = tmp_path / "a.bin"
    path.write_bytes(b"old")

    def fail(file):
        file.write(b"half")
        raise OSError("no space")

    with pytest.raises(OSError, match="no space"):
        write_atomically(path, fail)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


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


def test_rounds_and_clips():
    assert to_uint8(np.array([-3.0, 0.4, 0.6, 254.6, 300.0])).tolist() == [0, 0, 1, 255, 255]


def test_luma_is_matlabs():
    # rgb2ycbcr(uint8(…)) of the corners of the colour cube, as MATLAB documents and prints them.
    colours = {(0, 0, 0): 16, (255, 255, 255): 235, (255, 0, 0): 81, (0, 255, 0): 145, (0, 0, 255): 41}
    for colour, expected in colours.items():
        assert y_channel(np.full((2, 2, 3), colour, np.uint8)).tolist() == [[expected] * 2] * 2
