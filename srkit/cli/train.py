"""`python -m srkit train pre`, `gan` and `a-plus`. Most options are the fields of `TrainOptions` and `GanOptions`."""

import argparse
import inspect

from srkit import data, models, training
from srkit.cli import train_a_plus
from srkit.cli.arguments import add_degradation, add_options, positive_int, read_options
from srkit.cli.quiet import import_tensorflow
from srkit.errors import InputError
from srkit.image import SCALES

_RESUME = "The same command again resumes the run."
_DEFAULT_MODEL, _DEFAULT_SCALE = "srresnet", 4


def add_commands(commands: argparse._SubParsersAction) -> None:
    train = commands.add_parser("train", help="Train a model, or resume its training.", description=_RESUME)
    kinds = train.add_subparsers(required=True, metavar="pre|gan|a-plus")
    _add_pre(kinds)
    _add_gan(kinds)
    train_a_plus.add_command(kinds)


def _add_pre(kinds: argparse._SubParsersAction) -> None:
    parser = kinds.add_parser(
        "pre",
        help="Train a generator alone, on pixel or perceptual losses.",
        description=f"Trains a generator alone, on pixel or perceptual losses. {_RESUME}",
        usage="python -m srkit train pre --data DATA --steps N --run DIR [options]",
    )
    _add_run(parser)
    model = parser.add_argument_group("model")
    model.add_argument(
        "--model",
        choices=tuple(models.MODELS),
        help=f"Architecture. Default: that of --start-from with its settings, or else {_DEFAULT_MODEL}.",
    )
    model.add_argument(
        "--filters", type=positive_int, metavar="N", help="Number of channels. Default: the published one."
    )
    model.add_argument(
        "--num-blocks", type=positive_int, metavar="N", help="Number of residual blocks. Default: the published one."
    )
    model.add_argument(
        "--upsampling", metavar="NAME", help="Upsampler of edsr: subpixel, resize or direct. Default: subpixel."
    )
    model.add_argument(
        "--start-from",
        metavar="PATH|PRESET",
        help="Go on from this model. With another architecture, size or --scale, copy those of its weights that fit.",
    )
    _add_data(parser)
    add_options(parser, training.TrainOptions)
    parser.set_defaults(command=_train_pre)


def _add_gan(kinds: argparse._SubParsersAction) -> None:
    parser = kinds.add_parser(
        "gan",
        help="Train a pretrained generator against a discriminator.",
        description=f"Trains a pretrained generator against a discriminator. {_RESUME}",
        usage="python -m srkit train gan --data DATA --generator PATH|PRESET --steps N --run DIR [options]",
    )
    _add_run(parser)
    model = parser.add_argument_group("models")
    model.add_argument("--generator", required=True, metavar="PATH|PRESET", help="Pretrained generator.")
    discriminator = model.add_mutually_exclusive_group()
    discriminator.add_argument("--discriminator", metavar="PATH|PRESET", help="Discriminator. Default: a new one.")
    discriminator.add_argument(
        "--discriminator-filters",
        type=positive_int,
        default=64,
        metavar="N",
        help="Number of channels of a new discriminator's first layer. Default: %(default)s.",
    )
    _add_data(parser)
    add_options(parser, training.GanOptions)
    parser.set_defaults(command=_train_gan)


def _add_run(parser: argparse.ArgumentParser) -> None:
    run = parser.add_argument_group("run")
    run.add_argument("--run", required=True, metavar="DIR", help="Folder of the run.")
    run.add_argument(
        "--steps",
        required=True,
        type=positive_int,
        metavar="N",
        help="Total number of steps, including those before a resume.",
    )
    run.add_argument("--extend", action="store_true", help="Accept other --steps than the run was begun with.")


def _add_data(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("data")
    group.add_argument("--data", required=True, help=f"{', '.join(data.SOURCES)}, or a folder of photographs.")
    group.add_argument(
        "--lr",
        metavar="DIR",
        help="Folder of LR images that were made elsewhere, under the names of the HR images in --data. Default: LR "
        "is made from HR (see --degradation).",
    )
    group.add_argument(
        "--num-images", type=positive_int, metavar="N", help="Number of photographs to choose. Default: all."
    )
    group.add_argument(
        "--num-valid",
        type=positive_int,
        default=20,
        metavar="N",
        help="Largest number of whole images to validate on. Default: %(default)s.",
    )
    group.add_argument(
        "--scale",
        type=int,
        choices=SCALES,
        help=f"Size of HR over LR; mdsr has several of its own. Default: that of the model that is "
        f"trained further, or with --model {_DEFAULT_SCALE}.",
    )
    add_degradation(group)
    group.add_argument(
        "--halve-jpeg",
        action="store_true",
        help="Halve JPEG photographs first, so that a GAN does not learn JPEG's traces.",
    )


def _train_pre(arguments: argparse.Namespace) -> None:
    import_tensorflow()
    import keras

    options = read_options(arguments, training.TrainOptions)
    with training.default_strategy().scope():
        keras.utils.set_random_seed(options.seed)
        trainer = training.PreTrainer(_pre_model(arguments), arguments.run, options)
    _train(trainer, arguments)


def _train_gan(arguments: argparse.Namespace) -> None:
    import_tensorflow()
    import keras

    options = read_options(arguments, training.GanOptions)
    with training.default_strategy().scope():
        keras.utils.set_random_seed(options.seed)
        generator = _load_network(arguments.generator)
        if not _has_scale(generator, arguments):
            raise InputError(f"{arguments.generator} does not upscale x{arguments.scale}: leave --scale out.")
        discriminator = _discriminator(arguments, options.patch_size)
        trainer = training.GanTrainer(generator, discriminator, arguments.run, options)
    _train(trainer, arguments)


def _pre_model(arguments: argparse.Namespace):
    given = {name: getattr(arguments, name) for name in ("filters", "num_blocks", "upsampling")}
    given = {name: value for name, value in given.items() if value is not None}
    start = _load_network(arguments.start_from) if arguments.start_from else None
    if start and not arguments.model and not given and _has_scale(start, arguments):
        return start
    config = {"model": arguments.model or _DEFAULT_MODEL, "scale": _DEFAULT_SCALE}
    if start and not arguments.model:
        config |= getattr(start, "config", {})
    if arguments.scale:
        config["scale"] = arguments.scale
    model = _build(config.pop("model"), config, given)
    if start:
        layers = models.start_from(model, start)
        print(f"{len(layers.copied)} layers from {arguments.start_from}; new: {', '.join(layers.new) or 'none'}")
    return model


def _has_scale(model, arguments: argparse.Namespace) -> bool:
    """Whether a model has the scale that was asked for, if one was."""
    return arguments.scale in (None, *models.scales_of(model))


def _build(name: str, config: dict, given: dict[str, int | str]):
    """A new model: with the arguments that were given, or else those of `config`, or else the published ones."""
    known = inspect.signature(models.MODELS[name]).parameters
    for argument in given:
        if argument not in known:
            option = argument.replace("_", "-")
            raise InputError(f"--{option} does not apply to {name}, which is built from: {', '.join(known)}.")
    return models.MODELS[name](**{key: value for key, value in {**config, **given}.items() if key in known})


def _load_network(source: str):
    from srkit.classical import ClassicalModel

    model = models.load_model(source)
    if isinstance(model, ClassicalModel):
        raise InputError(f"{source} is no network: it cannot be trained further. Give another model.")
    return model


def _discriminator(arguments: argparse.Namespace, patch_size: int):
    if not arguments.discriminator:
        return models.discriminator(patch_size, arguments.discriminator_filters)
    discriminator = _load_network(arguments.discriminator)
    if discriminator.output_shape != (None, 1):
        raise InputError(f"{arguments.discriminator} is no discriminator: it makes images, not one logit for each.")
    return discriminator


def _train(trainer: "training.Trainer", arguments: argparse.Namespace) -> None:
    parts = [
        data.load(
            arguments.data,
            num_images=arguments.num_images,
            seed=trainer.options.seed,
            scale=scale,
            degradation=arguments.degradation,
            lr=arguments.lr,
            min_size=trainer.options.patch_size,
            halve_jpeg=arguments.halve_jpeg,
        )
        for scale in trainer.scales
    ]
    train, valid = (data.MultiScalePairs(*part) if len(part) > 1 else part[0] for part in zip(*parts, strict=True))
    trainer.train(train, valid.take(arguments.num_valid), arguments.steps, extend=arguments.extend)
