"""Getting data sets: TensorFlow Datasets downloads, and photographs inside tar files."""

import contextlib
import functools
import shutil
import tarfile
from collections.abc import Callable, Iterator
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


def download_archive(dataset: str, folder: Path, inside: str, more: dict[str, tuple[str, int, str]]) -> None:
    """Downloads the archive of a data set by the address and checksum in TensorFlow Datasets, and unpacks it.

    Args:
        dataset: The name in TensorFlow Datasets.
        folder: Where the files go. It appears when it is complete.
        inside: The folder inside the archive that is taken.
        more: Files to download beside: for each name its address, size in bytes and SHA-256.

    Raises:
        InputError: The data set cannot be downloaded.
    """
    work = folder.with_name(f"{folder.name}-download")
    with _explained(dataset, f"put it at {folder} yourself."):
        import requests
        import tensorflow_datasets as tfds
        from tensorflow_datasets.core.download.checksums import UrlInfo

        (address,) = urls = tfds.builder_cls(dataset).url_infos
        requests.head(address, timeout=20)
        known = {url: UrlInfo(size, checksum, name) for name, (url, size, checksum) in more.items()}
        manager = tfds.download.DownloadManager(
            download_dir=work, dataset_name=dataset, url_infos={**urls, **known}, force_checksums_validation=True
        )
        unpacked = Path(manager.download_and_extract(address)) / inside
        for name, (url, *_) in more.items():
            shutil.copyfile(manager.download(url), unpacked / name)
    replace(unpacked, folder)
    shutil.rmtree(work)


def _prepare(dataset: str, work: Path, root: Path) -> Callable:
    """Downloads into `work`. Returns a function from a split to its examples, each with the bytes of its image file."""
    otherwise = f"put the photographs under {root} yourself (data/README.md says how), or use the source 'samples', "
    with _explained(dataset, f"{otherwise}which needs no network."):
        import requests
        import tensorflow_datasets as tfds

        builder = tfds.builder(dataset, data_dir=work)
        # TensorFlow Datasets would try for minutes before it gave up.
        requests.head(next(iter(builder.url_infos)), timeout=20)
        builder.download_and_prepare()
    image = "hr" if "hr" in builder.info.features else "image"

    def examples_of(split: str):
        dataset = builder.as_dataset(split=split, decoders={image: tfds.decode.SkipDecoding()})
        return ((example, example[image]) for example in tfds.as_numpy(dataset))

    return examples_of


@contextlib.contextmanager
def _explained(dataset: str, otherwise: str) -> Iterator[None]:
    """Raises an InputError that says what can be done where a download fails in the block."""
    try:
        yield
    except ImportError as error:
        raise InputError(
            f"Downloading {dataset} needs the package {error.name}: pip install 'srkit[data]'. Without it, {otherwise}"
        ) from None
    except Exception as error:  # TensorFlow Datasets raises many kinds: network, disk, checksum, a server's answer
        reason = (str(error).strip().splitlines() or [""])[0][:120]
        raise InputError(
            f"{dataset} could not be downloaded ({type(error).__name__}: {reason}). Check network and disk space and "
            f"try again, or {otherwise}"
        ) from None


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
