"""From a small image to a large one."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "options": ["UpscaleOptions"],
        "upscaling": ["predict", "upscale"],
        "upscale_photo": ["Size"],
        "batch": ["upscale_files"],
    },
)
