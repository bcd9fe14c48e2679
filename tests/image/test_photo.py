import io

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms
from PIL.PngImagePlugin import PngInfo

from srkit import InputError
from srkit.image import Photo, check_target, read_image, read_photo, write_photo

XMP = b'<x:xmpmeta xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="6" title="Aunt Frieda"/>'
WITH_METADATA = ["png", "jpg", "webp", "tif", "avif"]


@pytest.fixture(scope="module")
def gradient() -> np.ndarray:
    """A smooth colour gradient, uint16 of shape (40, 60, 3), each channel with more values than 8 bits have."""
    rows, columns = np.mgrid[:40, :60]
    return np.dstack([9_000 + 61 * rows + columns, 30_000 + 97 * columns + rows, 60_000 - 13 * columns]).astype(
        np.uint16
    )


def save_with_metadata(image: np.ndarray, path, orientation: int) -> None:
    written = Image.Exif()
    written[0x010F], written[0x0112] = "Camera", orientation
    height, width = image.shape[:2]
    written[0x8769] = {0x9003: "2001:02:03 04:05:06", 0xA002: width, 0xA003: height, 0x927C: b"\1maker\0"}
    written[0x8825] = {1: "N", 2: (48.0, 8.0, 12.5)}
    exif = Image.Exif()
    exif.load(written.tobytes())
    options = {}
    if path.suffix == ".tif":
        exif[700] = XMP
    elif path.suffix == ".png":
        options["pnginfo"] = PngInfo()
        options["pnginfo"].add_itxt("XML:com.adobe.xmp", XMP.decode())
    else:
        options["xmp"] = XMP
    Image.fromarray(image).save(path, exif=exif, **options)


@pytest.mark.parametrize("mode", ["L", "LA", "P", "1", "RGB", "RGBA"])
@pytest.mark.parametrize("extension", ["png", "tif"])
def test_grey_stays_grey_and_opacity_stays(cat, tmp_path, mode, extension):
    if (mode, extension) == ("P", "tif"):
        pytest.skip("the same as in PNG")
    image = Image.fromarray(cat[:40, :60]).convert(mode)
    if mode in ("LA", "RGBA"):
        image.putalpha(Image.linear_gradient("L").resize(image.size))
    image.save(tmp_path / f"in.{extension}")
    read = read_photo(tmp_path / f"in.{extension}")
    assert read.is_grey == (mode in ("L", "LA", "1")) and (read.alpha is not None) == (mode in ("LA", "RGBA"))
    write_photo(tmp_path / f"out.{extension}", read)
    with Image.open(tmp_path / f"out.{extension}") as written:
        assert written.mode == {"P": "RGB", "1": "L"}.get(mode, mode)
        assert np.array_equal(np.asarray(written.convert("RGBA")), np.asarray(image.convert("RGBA")))


def test_opacity_that_hides_nothing_is_dropped(cat, tmp_path):
    Image.fromarray(cat).convert("RGBA").save(tmp_path / "a.png")
    assert read_photo(tmp_path / "a.png").alpha is None


@pytest.mark.parametrize("extension", ["png", "tif"])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_16_bits_are_read_and_written_exactly(cat, gradient, tmp_path, extension, channels):
    image = np.dstack([gradient, gradient[..., 0] + 7])[..., :channels]
    path = tmp_path / f"in.{extension}"
    order = {1: None, 3: cv2.COLOR_RGB2BGR, 4: cv2.COLOR_RGBA2BGRA}[channels]
    cv2.imwrite(str(path), image if order is None else cv2.cvtColor(image, order))
    read = read_photo(path)
    assert read.pixels.dtype == np.uint16 and read.remarks == ()
    assert np.array_equal(read.pixels, image[..., 0] if channels == 1 else image[..., :3])
    save_with_metadata(cat, tmp_path / "told.jpg", orientation=1)
    told = read_photo(tmp_path / "told.jpg")
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    out = tmp_path / f"out.{extension}"
    assert write_photo(out, read.replace(exif=told.exif, xmp=told.xmp, profile=profile)) == ()
    if extension == "tif":  # an independent reader
        assert np.array_equal(tifffile.imread(out), image[..., 0] if channels == 1 else image)
    again = read_photo(out)
    assert np.array_equal(again.pixels, read.pixels)
    assert channels < 4 or np.array_equal(again.alpha, image[..., 3])
    assert again.exif[0x010F] == "Camera" and b"Frieda" in again.xmp and again.profile == profile


@pytest.mark.parametrize("extension", ["png", "tif"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_16_bits_are_turned_as_8_are(gradient, tmp_path, extension, orientation):
    path = tmp_path / f"a.{extension}"
    exif = Image.Exif()
    exif[0x0112] = orientation
    if extension == "tif":
        tifffile.imwrite(path, gradient, photometric="rgb", extratags=[(0x0112, "H", 1, orientation, True)])
    else:
        write_photo(path, Photo(gradient, exif=exif))
    image = Image.fromarray((gradient >> 8).astype(np.uint8))
    image.save(tmp_path / "8.png", exif=exif)
    deep, shallow = read_photo(path), read_photo(tmp_path / "8.png")
    assert deep.remarks == () and np.array_equal(deep.pixels >> 8, shallow.pixels)


def test_16_bits_become_8_where_the_format_ends(gradient, tmp_path):
    remarks = write_photo(tmp_path / "a.webp", Photo(gradient), quality=100)
    assert remarks == ("16 bits were rounded to the 8 that WEBP holds",)
    assert np.abs(read_photo(tmp_path / "a.webp").pixels - gradient / 257).mean() < 2


def test_grey_of_which_0_is_white(gradient, tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", 65535 - gradient[..., 0], photometric="miniswhite")
    assert np.array_equal(read_photo(tmp_path / "a.tif").pixels, gradient[..., 0])
    assert np.abs(read_image(tmp_path / "a.tif")[..., 1] - gradient[..., 0] / 257).max() < 1


def test_what_would_be_misread_is_refused(gradient, tmp_path):
    planes = np.moveaxis(gradient, -1, 0)
    tifffile.imwrite(tmp_path / "planes.tif", planes, photometric="rgb", planarconfig="separate")
    with pytest.raises(InputError, match="interleaved"):
        read_photo(tmp_path / "planes.tif")
    tifffile.imwrite(tmp_path / "float.tif", gradient[..., 0] / np.float32(65535))
    tifffile.imwrite(tmp_path / "signed.tif", gradient[..., 0].astype(np.int16))
    tifffile.imwrite(tmp_path / "12.tif", gradient[..., 0] // 16)
    with tifffile.TiffFile(tmp_path / "12.tif", mode="r+") as tiff:
        tiff.pages[0].tags["BitsPerSample"].overwrite(12)
    for name, held in (("float", "32-bit"), ("signed", "16-bit"), ("12", "12-bit")):
        for read in (read_photo, read_image):
            with pytest.raises(InputError, match=f"{held} values of unknown range"):
                read(tmp_path / f"{name}.tif")


@pytest.mark.parametrize("extension", WITH_METADATA)
def test_orientation_is_applied_once_and_metadata_stay(cat, tmp_path, extension):
    sideways = np.rot90(cat[:80, :120])
    path, out = tmp_path / f"in.{extension}", tmp_path / f"out.{extension}"
    save_with_metadata(sideways, path, orientation=6)
    read = read_photo(path)
    assert read.pixels.shape == (80, 120, 3) and read.remarks == ()
    larger = read.replace(pixels=read.pixels.repeat(2, axis=0).repeat(2, axis=1))
    assert write_photo(out, larger) == ()
    with Image.open(out) as written:
        assert written.size == (240, 160) and written.getexif().get(0x0112, 1) == 1
    again = read_photo(out)
    assert again.pixels.shape == (160, 240, 3)
    assert b"Frieda" in again.xmp and b'Orientation="6"' not in again.xmp
    exposure = again.exif.get_ifd(0x8769)
    assert (again.exif[0x010F], exposure[0x9003], exposure[0x927C]) == ("Camera", "2001:02:03 04:05:06", b"\1maker\0")
    assert (exposure[0xA002], exposure[0xA003]) == (240, 160)
    assert again.exif.get_ifd(0x8825)[2] == (48.0, 8.0, 12.5)


def test_metadata_that_a_format_cannot_hold_do_not_cost_the_photograph(cat, tmp_path):
    long = Photo(cat, xmp=b"x" * 70_000)
    assert "do not fit into JPEG" in write_photo(tmp_path / "a.jpg", long)[0]
    assert "left out, since BMP" in write_photo(tmp_path / "a.bmp", long)[0]
    assert read_photo(tmp_path / "a.jpg").pixels.shape == read_photo(tmp_path / "a.bmp").pixels.shape == cat.shape


@pytest.mark.parametrize("extension", ["png", "jpg", "webp"])
def test_damaged_exif_does_not_cost_the_photograph(cat, tmp_path, extension):
    Image.fromarray(cat).save(tmp_path / f"a.{extension}", exif=b"Exif\0\0no EXIF at all")
    read = read_photo(tmp_path / f"a.{extension}")
    assert read.pixels.shape == cat.shape and read.exif is None
    # Pillow's JPEG reader passes over it by itself.
    assert read.remarks == (() if extension == "jpg" else ("the EXIF is damaged and was left out",))


def with_swapped_colours(image: np.ndarray) -> tuple[np.ndarray, bytes]:
    """An image in a profile of which red is sRGB's blue, and that profile: to leave it out would be seen."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    red, blue = (profile.find(name, 128) for name in (b"rXYZ", b"bXYZ"))
    profile[red : red + 4], profile[blue : blue + 4] = b"bXYZ", b"rXYZ"
    return image[..., ::-1], bytes(profile)


@pytest.mark.parametrize("extension", WITH_METADATA)
def test_profile_is_kept(cat, tmp_path, extension):
    swapped, profile = with_swapped_colours(cat)
    path = tmp_path / f"a.{extension}"
    write_photo(path, Photo(swapped, profile=profile), quality=100)
    read = read_photo(path)
    assert read.profile == profile
    assert np.abs(read.pixels.astype(int) - swapped).mean() < 2


def test_profile_is_applied_where_the_format_has_none(cat, tmp_path):
    swapped, profile = with_swapped_colours(cat)
    remarks = write_photo(tmp_path / "a.bmp", Photo(swapped, profile=profile))
    assert remarks == ("RGB became sRGB, by its profile",)
    assert np.abs(read_photo(tmp_path / "a.bmp").pixels.astype(int) - cat).max() <= 3


def test_broken_profile_is_said(cat, tmp_path):
    assert "does not fit" in write_photo(tmp_path / "a.bmp", Photo(cat, profile=b"no profile"))[0]


@pytest.mark.parametrize("mode", ["CMYK", "LAB"])
def test_cmyk_and_lab_become_srgb(cat, tmp_path, mode):
    image = Image.fromarray(cat)
    if mode == "LAB":
        profiles = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
        image = ImageCms.profileToProfile(image, *profiles, outputMode="LAB")
    image.convert(mode).save(tmp_path / "a.tif")
    read = read_photo(tmp_path / "a.tif")
    assert "became sRGB" in read.remarks[0]
    assert np.abs(read.pixels.astype(int) - cat).mean() < 2


def test_first_of_several_pictures_is_taken_and_said(cat, tmp_path):
    image = Image.fromarray(cat)
    image.save(tmp_path / "a.gif", save_all=True, append_images=[image.rotate(180)])
    read = read_photo(tmp_path / "a.gif")
    assert "the first was taken" in read.remarks[0]
    assert np.abs(read.pixels.astype(int) - cat).mean() < 12


def test_opacity_is_laid_over_white_for_jpeg(tmp_path):
    clear = Photo(np.zeros((8, 8, 3), np.uint8), alpha=np.zeros((8, 8), np.uint8))
    assert "laid over white" in write_photo(tmp_path / "a.jpg", clear)[0]
    assert (read_photo(tmp_path / "a.jpg").pixels == 255).all()


def test_heic_is_read_or_named(cat, tmp_path):
    heif = pytest.importorskip("pillow_heif")
    heif.from_pillow(Image.fromarray(cat)).save(tmp_path / "a.heic")
    assert np.abs(read_photo(tmp_path / "a.heic").pixels.astype(int) - cat).mean() < 4


def test_too_many_pixels_are_refused_before_they_are_decoded(cat, tmp_path):
    Image.fromarray(cat).save(tmp_path / "a.png")
    with pytest.raises(InputError, match=r"451x300 px.*at most 0\.1 megapixels"):
        read_photo(tmp_path / "a.png", max_pixels=100_000)


def test_size_that_a_format_cannot_hold_is_known_beforehand(tmp_path):
    with pytest.raises(InputError, match="16383"):
        check_target(tmp_path / "a.webp", 16_384, 10)
    check_target(tmp_path / "a.png", 16_384, 10)


def test_the_bytes_of_a_png_of_16_bits_are_a_valid_png(gradient, tmp_path):
    write_photo(tmp_path / "a.png", Photo(gradient, xmp=XMP))
    with Image.open(io.BytesIO((tmp_path / "a.png").read_bytes())) as image:
        image.verify()


@pytest.mark.parametrize("mode", ["L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_what_there_is_to_see_is_what_read_image_reads(cat, tmp_path, mode):
    image = Image.fromarray(cat[:40, :60]).convert("L" if mode == "I;16" else mode)
    if mode == "I;16":
        image = Image.fromarray(np.asarray(image).astype(np.uint16) * 251)
    elif "A" in mode:
        image.putalpha(Image.linear_gradient("L").resize((60, 40)))
    image.save(tmp_path / "a.png")
    seen = read_photo(tmp_path / "a.png").to_rgb()
    assert seen.dtype == np.uint8 and np.abs(seen.astype(int) - read_image(tmp_path / "a.png")).max() <= 1
