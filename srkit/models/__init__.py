"""Networks, their weights, and what is known of them."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "adapting": ["adapted"],
        "architectures": ["MODELS"],
        "architectures.compact": ["compact"],
        "architectures.discriminator": ["discriminator"],
        "architectures.drcn": ["drcn"],
        "architectures.edsr": ["edsr"],
        "architectures.espcn": ["espcn"],
        "architectures.mdsr": ["mdsr"],
        "architectures.msrresnet": ["msrresnet"],
        "architectures.rrdb": ["rrdb"],
        "architectures.span": ["merged", "span"],
        "architectures.srcnn": ["srcnn"],
        "architectures.srresnet": ["srresnet"],
        "architectures.vdsr": ["vdsr"],
        "architectures.wdsr": ["wdsr"],
        "config": ["build_from_config", "fingerprint"],
        "copying": ["CopiedLayers", "start_from"],
        "foreign": ["open_foreign"],
        "keras_files": ["save_keras_model"],
        "mixing": ["mix"],
        "precision": ["computing_in", "fastest_precision"],
        "presets": ["PRESETS", "preset_for"],
        "scales": ["at_scale", "enlarging_scale_of", "listed", "scale_of", "scales_of"],
        "shapes": ["fixed_sides"],
        "weights": ["load_model", "save_weights"],
    },
)

PRECISIONS = ("auto", "float32", "mixed_bfloat16")  # here, so that the command line knows them without Keras
