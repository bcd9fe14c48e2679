import io

import pytest
from PIL import Image

from srkit.image import FORMATS, is_lossy, read_photo

EXIF = Image.Exif()
EXIF[0x010F] = "Camera"
FILES = {
    "JPEG": ({"format": "JPEG"}, True),
    "several pictures": ({"format": "MPO", "save_all": True}, True),
    "WebP": ({"format": "WEBP"}, True),
    "WebP with EXIF": ({"format": "WEBP", "exif": EXIF}, True),
    "lossless WebP": ({"format": "WEBP", "lossless": True}, False),
    "lossless WebP with EXIF and profile": (
        {"format": "WEBP", "lossless": True, "exif": EXIF, "icc_profile": b"odd"},
        False,
    ),
    "animated WebP": ({"format": "WEBP", "save_all": True}, True),
    "animated lossless WebP": ({"format": "WEBP", "save_all": True, "lossless": True}, False),
    "JPEG 2000": ({"format": "JPEG2000"}, True),
    "AVIF": ({"format": "AVIF"}, True),
    "HEIF": ({"format": "HEIF"}, True),
    "TIFF": ({"format": "TIFF"}, False),
    "TIFF of JPEG": ({"format": "TIFF", "compression": "jpeg"}, True),
    "PNG": ({"format": "PNG"}, False),
    "GIF": ({"format": "GIF"}, False),
}


@pytest.fixture(params=FILES)
def file(request, cat) -> tuple[bytes, bool]:
    """The bytes of a file, and whether it is lossy."""
    options, lossy = FILES[request.param]
    Image.init()
    if options["format"] not in Image.SAVE:
        pytest.skip(f"{options['format']} needs another package")
    if options.get("save_all"):
        options = {**options, "append_images": [Image.fromarray(cat[20:40, 20:50])]}
    written = io.BytesIO()
    Image.fromarray(cat[:20, :30]).save(written, **options)
    return written.getvalue(), lossy


def test_lossy_files_are_told_by_their_content(file, tmp_path):
    content, lossy = file
    path = tmp_path / "a.png"  # whatever the name
    path.write_bytes(content)
    photo = read_photo(path)
    assert [is_lossy(path), is_lossy(content), is_lossy(Image.open(path)), photo.is_lossy] == [lossy] * 4
    assert photo.format in FORMATS


def test_images_of_no_file_are_not_lossy(cat):
    assert not is_lossy(cat) and not is_lossy(Image.fromarray(cat))
    photograph = io.BytesIO()
    Image.fromarray(cat).save(photograph, "JPEG")
    assert is_lossy(Image.open(photograph)) and not is_lossy(Image.open(photograph).convert("L"))


def test_webp_whose_file_is_closed_counts_as_lossy(cat, tmp_path):
    Image.fromarray(cat).save(tmp_path / "a.webp", lossless=True)
    image = Image.open(tmp_path / "a.webp")
    image.load()
    assert is_lossy(image)


def test_damaged_webp_counts_as_lossy(cat):
    """Its chunks end before a picture; that it cannot be decoded is said elsewhere."""
    content = io.BytesIO()
    Image.fromarray(cat).save(content, "WEBP")
    image = Image.open(content)
    image.fp = io.BytesIO(content.getvalue()[:16])
    assert is_lossy(image)
