"""Getting data sets: TensorFlow Datasets downloads, and photographs inside tar files."""

import functools
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path

from tqdm import tqdm

from srkit.data.photograph import Photograph
from srkit.errors import InputError
from srkit.files import replace, write_atomically


def download(dataset: str, folders: dict[str, Path], relative_path: Callable[[dict, int], str]) -> None:
    """Downloads through TensorFlow Datasets, with progress and checksums, and lays the files out in folders, untouched.

    Args:
        dataset: The name in TensorFlow Datasets.
        folders: For each split, where its files go. A folder appears when it is complete.
        relative_path: The path in the folder of an `(example, index)`.

    Raises:
        InputError: The data set cannot be downloaded.
    """
    root = next(iter(folders.values())).parent
    work = root / "download"
    examples_of = _prepare(dataset, work, root)
    for split, target in folders.items():
        for index, (example, encoded) in enumerate(
            tqdm(examples_of(split), desc=f"Laying out {target.name}", unit="photo")
        ):
            path = work / "layout" / target.name / relative_path(example, index)
            write_atomically(path, lambda file, encoded=encoded: file.write(encoded))
    for target in {path for path in folders.values() if not path.exists()}:
        replace(work / "layout" / target.name, target)
    shutil.rmtree(work)


def _prepare(dataset: str, work: Path, root: Path) -> Callable:
    """Downloads into `work`. Returns a function from a split to its examples, each with the bytes of its image file."""
    try:
        import requests
        import tensorflow_datasets as tfds
    except ImportError as error:
        raise InputError(
            f"Downloading {dataset} needs the package {error.name}: pip install 'srkit[data]'. Without it, put "
            f"the photographs under {root} yourself, or use the source 'samples'."
        ) from None
    builder = tfds.builder(dataset, data_dir=work)
    try:
        # TensorFlow Datasets would try for minutes before it gave up.
        requests.head(next(iter(builder.url_infos)), timeout=20)
        builder.download_and_prepare()
    except Exception as error:  # it raises many kinds: network, disk, checksum, a server's answer
        reason = (str(error).strip().splitlines() or [""])[0][:120]
        raise InputError(
            f"{dataset} could not be downloaded ({type(error).__name__}: {reason}). Check network and disk space and "
            f"try again, or put the photographs under {root} yourself (data/README.md says how), or use the source "
            "'samples', which needs no network."
        ) from None
    image = "hr" if "hr" in builder.info.features else "image"

    def examples_of(split: str):
        dataset = builder.as_dataset(split=split, decoders={image: tfds.decode.SkipDecoding()})
        return ((example, example[image]) for example in tfds.as_numpy(dataset))

    return examples_of


def photographs_in_tar(path: Path, prefix: str) -> list[Photograph]:
    """The JPEG photographs in a tar file, which is not unpacked.

    Args:
        path: The tar file, not compressed.
        prefix: What is cut from the beginning of their names.

    Raises:
        InputError: The file is damaged.
    """
    try:
        with tarfile.open(path, "r:") as archive:
            members = [member for member in archive if member.isfile() and member.name.endswith(".jpg")]
    except (tarfile.TarError, EOFError) as error:
        raise InputError(f"{path} is damaged or not complete ({error}): delete it and fetch it anew.") from None
    return [
        Photograph(
            member.name.removeprefix(prefix),
            stamp=(member.size, int(member.mtime)),
            read=functools.partial(_read_part, path, member.offset_data, member.size),
        )
        for member in sorted(members, key=lambda member: member.name)
    ]


def _read_part(path: Path, offset: int, size: int) -> bytes:
    with open(path, "rb") as file:
        file.seek(offset)
        return file.read(size)
