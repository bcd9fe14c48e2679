"""What a photograph's file says beside its pixels: EXIF, XMP, IPTC, texts, density and the ICC profile."""

import io
import math
import re
import struct

from PIL import Image, ImageCms

ORIENTATION_TAG, XMP_TAG = 274, 700
IPTC_TAG, PHOTOSHOP_TAG = 33723, 34377
_X_RESOLUTION, _Y_RESOLUTION, _RESOLUTION_UNIT = 282, 283, 296
_INCH, _CENTIMETRE = 2, 3
_IPTC_RESOURCE = 0x0404  # of Photoshop, in JPEG files
_EXIF_IFD, _GPS_IFD = 0x8769, 0x8825
_EXIF_WIDTH, _EXIF_HEIGHT = 0xA002, 0xA003
_ORIENTATION_IN_XMP = re.compile(rb"""(tiff:Orientation\s*(?:=\s*["']|>)\s*)[2-8]""")
# Tags by which a TIFF file says how its pixels are stored. They stand among those about the photograph.
_TIFF_LAYOUT = frozenset(
    {254, 255, 256, 257, 258, 259, 262, 266, 273, 277, 278, 279, 280, 281, 284, 290, 291, 292, 293, 297, 301, 317, 318}
    | {319, 320, 321, 322, 323, 324, 325, 330, 332, 338, 339, 340, 341, 347, 512, 513, 514, 529, 530, 531, 532, 34675}
    | {ORIENTATION_TAG, XMP_TAG, IPTC_TAG, PHOTOSHOP_TAG, 37724}
)


def read_exif(image: Image.Image) -> tuple[Image.Exif | None, bool]:
    """Reads the EXIF of an opened image file.

    Returns:
        `(exif, is_damaged)`. The EXIF is a copy without orientation and without what only holds for the file that it
        came in; None where there is none, or where it is damaged.
    """
    try:
        exif = image.getexif()
        kept = Image.Exif()
        for tag in exif:
            if tag in (_EXIF_IFD, _GPS_IFD):
                kept[tag] = exif.get_ifd(tag)
            elif tag not in _TIFF_LAYOUT:
                kept[tag] = exif[tag]
        copy = Image.Exif()
        copy.load(kept.tobytes())
        copy.tobytes()
    except Exception:  # EXIF comes from any camera's and any program's hands
        return None, True
    return (copy if len(copy) else None), False


def read_xmp(image: Image.Image) -> bytes | None:
    """Reads the XMP of an opened image file, and sets the orientation in it to upright; None where there is none."""
    xmp = image.info.get("xmp") or image.info.get("XML:com.adobe.xmp") or b""
    xmp = xmp.encode() if isinstance(xmp, str) else xmp
    return _ORIENTATION_IN_XMP.sub(rb"\g<1>1", xmp) or None


def read_iptc(image: Image.Image) -> bytes | None:
    """Reads the captions that agencies and archives write (IPTC-IIM); None where there are none."""
    if image.format == "TIFF":
        # As they stand in the file: some programs call these bytes 32-bit numbers.
        iptc = image.tag_v2._tagdata.get(IPTC_TAG) or _photoshop_resource(image.tag_v2.get(PHOTOSHOP_TAG))
    else:
        resources = image.info.get("photoshop")
        iptc = resources.get(_IPTC_RESOURCE) if isinstance(resources, dict) else None
    return iptc if isinstance(iptc, bytes) and iptc else None


def _photoshop_resource(resources: object) -> bytes | None:
    """The captions among Photoshop's resources, each of which has a number, a name and a content, padded."""
    place, resources = 0, resources if isinstance(resources, bytes) else b""
    while resources[place : place + 4] == b"8BIM" and len(resources) >= place + 12:
        number, name_length = struct.unpack_from(">HB", resources, place + 4)
        place += 7 + name_length + (name_length + 1) % 2
        length = int.from_bytes(resources[place : place + 4], "big")
        if number == _IPTC_RESOURCE:
            return resources[place + 4 : place + 4 + length]
        place += 4 + length + length % 2
    return None


def iptc_marker(iptc: bytes) -> bytes:
    """The segment APP13 of a JPEG file that holds captions."""
    padded = iptc + b"\0" * (len(iptc) % 2)
    content = b"Photoshop 3.0\0" + struct.pack(">4sHHI", b"8BIM", _IPTC_RESOURCE, 0, len(iptc)) + padded
    return b"\xff\xed" + struct.pack(">H", len(content) + 2) + content


def read_texts(image: Image.Image) -> tuple[dict[str, str], bool]:
    """Reads the texts of a decoded image: those of PNG by their keys, and the comment of JPEG and GIF as `Comment`.

    Returns:
        `(texts, are_all)`; what ImageMagick writes as a raw profile is no text.
    """
    if image.format == "PNG":
        texts = {key: text for key, text in image.text.items() if key != "XML:com.adobe.xmp"}
        raw = {key for key in texts if key.startswith("Raw profile type ")}
        lost = raw - {"Raw profile type exif", "Raw profile type APP1"}  # these are read as EXIF
        return {key: text for key, text in texts.items() if key not in raw}, not lost
    comment = image.info.get("comment") if image.format in ("JPEG", "MPO", "GIF") else None
    if not comment:
        return {}, True
    if isinstance(comment, bytes):
        try:
            comment = comment.decode()
        except UnicodeDecodeError:
            comment = comment.decode("latin-1")
    return {"Comment": comment.rstrip("\0")}, True


def read_density(image: Image.Image, exif: Image.Exif | None) -> tuple[float, float] | None:
    """Reads how many pixels, across and down, are printed to an inch; None where the file does not say."""
    density = None
    if image.format in ("JPEG", "MPO"):
        density = image.info.get("dpi") if image.info.get("jfif_unit") in (1, 2) else None
    elif image.format != "TIFF" or _X_RESOLUTION in image.tag_v2:
        density = image.info.get("dpi")
    if density is None and exif is not None and exif.get(_RESOLUTION_UNIT, _INCH) in (_INCH, _CENTIMETRE):
        density = exif.get(_X_RESOLUTION), exif.get(_Y_RESOLUTION, exif.get(_X_RESOLUTION))
        if exif.get(_RESOLUTION_UNIT) == _CENTIMETRE and None not in density:
            density = tuple(2.54 * float(side) for side in density)
    try:
        density = tuple(round(float(side), 4) for side in density)
    except (TypeError, ValueError, ZeroDivisionError):
        return None
    is_likely = len(density) == 2 and all(math.isfinite(side) and 1 < side < 65_536 for side in density)
    return density if is_likely else None


def has_odd_pixels(image: Image.Image) -> bool:
    """Whether the file says that its pixels are not square, without a density in inches."""
    width, height = (
        image.info.get("aspect") or (image.info.get("jfif_unit") == 0 and image.info["jfif_density"]) or (1, 1)
    )
    return width != height


def with_density(exif: Image.Exif, density: tuple[float, float]) -> None:
    """Sets the density in pixels for an inch in the EXIF."""
    exif[_X_RESOLUTION], exif[_Y_RESOLUTION] = density
    exif[_RESOLUTION_UNIT] = _INCH


def says_density(exif: Image.Exif) -> bool:
    """Whether the EXIF holds a density."""
    return _X_RESOLUTION in exif


def with_size(exif: Image.Exif | None, width: int, height: int) -> Image.Exif:
    """A copy of the EXIF, empty if there is none, in which the photograph's size is this one."""
    copy = Image.Exif()
    if exif is not None:
        copy.load(exif.tobytes())
    details = copy.get_ifd(_EXIF_IFD)
    for tag, side in ((_EXIF_WIDTH, width), (_EXIF_HEIGHT, height)):
        if tag in details:
            details[tag] = side
    return copy


def to_srgb(image: Image.Image, profile: bytes | None) -> tuple[Image.Image, str]:
    """Converts an image of any mode to sRGB by its ICC profile.

    Args:
        image: The image, such as CMYK or grey.
        profile: Its ICC profile; None if it has none.

    Returns:
        `(image, remark)`: the image in mode RGB, and a phrase that says how it was converted.
    """
    name = {"L": "grey"}.get(image.mode, image.mode)
    try:
        if image.mode == "LAB":
            source = ImageCms.createProfile("LAB")
        elif profile:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        else:
            return image.convert("RGB"), f"{name} without a profile became sRGB, by the plain formula"
        srgb = ImageCms.createProfile("sRGB")
        return ImageCms.profileToProfile(image, source, srgb, outputMode="RGB"), f"{name} became sRGB, by its profile"
    except (ImageCms.PyCMSError, OSError, ValueError):
        return image.convert("RGB"), f"its profile does not fit {name} and was left out: colours may differ"
