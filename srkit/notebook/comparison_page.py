"""A page of comparisons in one file, for browsers."""

import html
import os
from pathlib import Path
from string import Template

import cv2
import numpy as np

from srkit.errors import InputError
from srkit.files import write_atomically
from srkit.notebook.slider import MAX_SIDE_PX, compare

MAX_BYTES = 50_000_000
SQUARE_PX = 640

_ENDINGS = (".html", ".htm")
_IS_OURS = '<meta name="generator" content="srkit">'
_PAGE = Template(f"""\
<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
{_IS_OURS}
<title>$title</title>
<style>
body {{ max-width: {MAX_SIDE_PX}px; margin: 16px auto; padding: 0 16px; font: 15px sans-serif;
  color-scheme: light dark }}
h2 {{ font-size: 18px; overflow-wrap: anywhere }}
section {{ margin-bottom: 40px }}
.srkit-compare {{ margin-bottom: 16px }}
</style>
$sections
$end
</html>
""")


class ComparisonPage:
    """A page that shows, for each photograph, one image over another with a slider between them.

    There is a slider for the whole photograph. If it is reduced to fit the page, as it is from 960 px on, there is a
    second one with all pixels, for the square of at most 640 px that has the most detail. The images are JPEG copies,
    about 1 MB for a photograph. The page ends at 50 MB, and says so if photographs are left out.

    ```python
    page = ComparisonPage("page.html")
    page.add("photo", "photo.jpg", srkit.upscale("photo.jpg", model))
    page.write()
    ```

    Args:
        path: The file to write, whose name ends in .html or .htm.
        existing: What happens to a page that is already there: it is refused (`"refuse"`), goes on (`"skip"`), so that
            what it shows stays, or is replaced (`"overwrite"`).

    Attributes:
        path: The file.
        num_added: How many photographs were added, those included for which there was no place.

    Raises:
        InputError: The name ends otherwise, or something is there that may not be replaced.
    """

    def __init__(self, path: "str | os.PathLike", existing: str = "refuse"):
        self.path, self.num_added, self._existing = Path(path), 0, existing
        self._sections, self._is_full = [], False
        if self.path.suffix.lower() not in _ENDINGS:
            raise InputError(f"A page's name must end in {' or '.join(_ENDINGS)}; received {path}.")
        if self.path.is_dir():
            raise InputError(f"Cannot write {path}: it is a folder.")
        if self.path.exists() and existing == "refuse":
            raise InputError(f"{path} is already there: give another name, or --overwrite.")
        if self.path.exists() and existing == "skip":
            self._sections.append(_sections_of(self.path))

    def add(
        self,
        name: str,
        before: "str | os.PathLike | np.ndarray",
        after: "str | os.PathLike | np.ndarray",
        labels: tuple[str, str] = ("before", "after"),
        zoom: tuple[int, int, int] | None = None,
    ) -> None:
        """Adds a photograph, unless the page is full.

        Args:
            name: Its title.
            before: The image on the left: see `srkit.compare`.
            after: The image on the right.
            labels: The names of both.
            zoom: `(top, left, side)` of the square that is shown with all its pixels, in pixels of the larger image.
                Default: where the most detail is, if the whole is reduced.

        Raises:
            InputError: An image cannot be read, one is not the other enlarged, or the square is not inside.
        """
        self.num_added += 1
        if self._is_full:
            return
        whole = compare(before, after, labels)
        zoom = zoom or _most_detailed(whole.before, whole.after)
        sliders = [whole.html()] + ([compare(whole.before, whole.after, labels, zoom).html()] if zoom else [])
        title = html.escape(name).encode("ascii", "xmlcharrefreplace").decode()
        section = "\n".join(["<section>", f"<h2>{title}</h2>", *sliders, "</section>"])
        self._is_full = sum(map(len, self._sections)) + len(section) > MAX_BYTES
        if not self._is_full:
            self._sections.append(section)

    def write(self) -> None:
        """Writes the page, whole or not at all.

        Raises:
            InputError: Something has appeared at the path that may not be replaced.
        """
        text = _PAGE.substitute(
            title=html.escape(self.path.stem).encode("ascii", "xmlcharrefreplace").decode(),
            sections="\n".join(self._sections),
            end=f"<p>Further photographs are left out: a page ends at {MAX_BYTES // 10**6} MB.</p>"
            if self._is_full
            else "",
        )
        try:
            write_atomically(self.path, lambda file: file.write(text.encode()), overwrite=self._existing != "refuse")
        except FileExistsError:
            raise InputError(f"{self.path} is already there: give another name, or --overwrite.") from None


def _sections_of(path: Path) -> str:
    """What an earlier page shows."""
    text = path.read_text(encoding="utf-8", errors="replace")
    if _IS_OURS not in text:
        raise InputError(f"{path} is already there, and is no page of comparisons: give another name, or --overwrite.")
    first, end = text.find("<section>"), "</section>"
    return text[first : text.rfind(end) + len(end)] if first >= 0 else ""


def _most_detailed(before: np.ndarray, after: np.ndarray) -> tuple[int, int, int] | None:
    """The top, left and side of the square with the most detail; None if the whole is shown with all its pixels."""
    smaller, larger = sorted((before, after), key=len)
    height, width = larger.shape[:2]
    if max(height, width) <= MAX_SIDE_PX:
        return None
    side, scale = min(SQUARE_PX, height, width), height / len(smaller)
    grey = cv2.cvtColor(smaller, cv2.COLOR_RGB2GRAY)
    detail = cv2.absdiff(grey, cv2.GaussianBlur(grey, (0, 0), 2))
    window = max(1, int(side / scale))
    means = cv2.boxFilter(detail, cv2.CV_32F, (window, window), anchor=(0, 0))
    inside = means[: len(smaller) - window + 1, : smaller.shape[1] - window + 1]
    top, left = np.unravel_index(inside.argmax(), inside.shape)
    return min(int(top * scale), height - side), min(int(left * scale), width - side), side
