"""What a photograph's file says beside its pixels: EXIF, XMP and the ICC profile."""

import io
import re

from PIL import Image, ImageCms

ORIENTATION_TAG, XMP_TAG = 274, 700
_EXIF_IFD, _GPS_IFD = 0x8769, 0x8825
_EXIF_WIDTH, _EXIF_HEIGHT = 0xA002, 0xA003
_ORIENTATION_IN_XMP = re.compile(rb"""(tiff:Orientation\s*(?:=\s*["']|>)\s*)[2-8]""")
# Tags by which a TIFF file says how its pixels are stored. They stand among those about the photograph.
_TIFF_LAYOUT = frozenset(
    {254, 255, 256, 257, 258, 259, 262, 266, 273, 277, 278, 279, 280, 281, 284, 290, 291, 292, 293, 297, 301, 317, 318}
    | {319, 320, 321, 322, 323, 324, 325, 330, 332, 338, 339, 340, 341, 347, 512, 513, 514, 529, 530, 531, 532, 34675}
    | {ORIENTATION_TAG, XMP_TAG, 34377, 37724}
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
