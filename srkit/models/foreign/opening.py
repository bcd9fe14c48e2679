"""Weights of other projects, as models of this kit."""

import hashlib
import os
from dataclasses import dataclass, replace
from pathlib import Path

import keras

from srkit.errors import InputError
from srkit.models.config import build_from_config
from srkit.models.foreign import compact, early, edsr, keras2, rrdb, span, srresnet
from srkit.models.foreign.checkpoint import KERAS2_SUFFIXES, SUFFIXES, Checkpoint, read_checkpoint
from srkit.models.foreign.layout import Found, Tensors

# How networks are recognised: functions from the tensors of a file to what they are, or None.
LAYOUTS = (
    edsr.edsr_of_authors,
    edsr.edsr_of_basicsr,
    edsr.mdsr_of_authors,
    rrdb.rrdb_of_basicsr,
    rrdb.rrdb_of_esrgan,
    rrdb.rrdb_of_first_esrgan,
    srresnet.msrresnet_of_basicsr,
    srresnet.msrresnet_of_mmsr,
    srresnet.srgan_with_tanh,
    srresnet.srgan_clipped,
    compact.compact_of_real_esrgan,
    span.span_of_authors,
    early.srcnn,
    early.espcn,
    early.vdsr,
    keras2.edsr,
    keras2.srgan,
    keras2.wdsr,
)


@dataclass(frozen=True)
class Opened:
    """A model with the weights of another project's file, and what is to be said of it.

    Attributes:
        model: The model.
        path: The file.
        found: What was recognised in it.
        place: The keys under which the weights were, such as `params_ema`.
        is_average: Whether they are an average over the steps of the training.
        left_over: Names of tensors that the model has no place for.
    """

    model: keras.Model
    path: Path
    found: Found
    place: str
    is_average: bool
    left_over: list[str]

    @property
    def remarks(self) -> list[str]:
        """What was assumed, and what was left over."""
        remarks = [f"{self.path.name}: {note}" for note in self.found.notes]
        if self.left_over:
            left = _listed(self.left_over)
            remarks.append(f"{self.path.name}: no place for {left}; the result may differ from its own program's")
        return remarks

    def card(self) -> dict:
        """What is known of the weights, and of the file that they come from."""
        return {
            "description": str(self),
            "config": dict(self.found.config),
            "num_parameters": self.model.count_params(),
            "remarks": self.remarks,
            "source": {"file": self.path.name, "sha256": hashlib.sha256(self.path.read_bytes()).hexdigest()},
            "average": self.is_average,
        }

    def __str__(self) -> str:
        place = f", from {self.place!r}{' (the average)' if self.is_average else ''}" if self.place else ""
        count = self.model.count_params()
        return (
            f"{self.path.name}: {_built(self.found)}, {count:,} parameters, in the names of {self.found.names}{place}"
        )


def open_foreign(path: "str | os.PathLike", scale: int | None = None) -> Opened:
    """Opens a file of another project, and builds the model whose weights it holds.

    Args:
        path: The file.
        scale: The scale of a network that is the same at each scale, such as VDSR. Default: 4.

    Raises:
        InputError: The file is damaged or refused; or no network is recognised in it; or tensors of the network are
            missing or have other shapes.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"There is no model {path}: give the path of a file.")
    if path.suffix not in (*SUFFIXES, *KERAS2_SUFFIXES):
        raise InputError(f"{path} is no file of weights: {', '.join((*SUFFIXES, *KERAS2_SUFFIXES))} are known.")
    checkpoint = read_checkpoint(path)
    recognised = _recognise(checkpoint)
    if recognised is None:
        raise InputError(
            f"{path} holds {len(checkpoint.tensors)} tensors of no network that is known here: "
            f"{_listed(list(checkpoint.tensors))}. What is known: docs/foreign-weights.md."
        )
    found, tensors = recognised
    _check(path, found, tensors)
    if scale is not None and scale != found.config.get("scale"):
        if not found.any_scale:
            raise InputError(f"{path} is a network of its own scale, {_built(found)}: leave --scale out.")
        found = replace(found, config={**found.config, "scale": scale}, notes=found.notes[1:])
    model = build_from_config(found.config)
    for name, part in found.layers.items():
        model.get_layer(name).set_weights(part.weights(tensors))
    return Opened(model, path, found, checkpoint.place, checkpoint.is_average, found.left_over(tensors))


def _recognise(checkpoint: Checkpoint) -> tuple[Found, Tensors] | None:
    for tensors in checkpoint.without_prefixes():
        for layout in LAYOUTS:
            if found := layout(tensors):
                return found, tensors
    return None


def _check(path: Path, found: Found, tensors: Tensors) -> None:
    """Compares all shapes before anything is built: what a file says must not make a network larger than the file."""
    expected = found.expected(tensors)
    beginning = f"{path} has the names of {found.names} and looks like {found.config['model']}, but"
    if missing := [name for name in expected if name not in tensors]:
        raise InputError(f"{beginning} lacks {_listed(missing)}.")
    for name, shape in expected.items():
        if tensors[name].shape != shape:
            raise InputError(f"{beginning} {name} has the shape {tensors[name].shape}, where {shape} was expected.")


def _built(found: Found) -> str:
    """How the model is built, as in Python."""
    name, *arguments = found.config.items()
    return f"{name[1]}({', '.join(f'{key}={value!r}' for key, value in arguments)})"


def _listed(names: list[str]) -> str:
    return ", ".join(names[:4]) + (f" … ({len(names)})" if len(names) > 4 else "")
