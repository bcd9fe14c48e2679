"""From a small image to a large one."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "batch": ["OnWritten", "Summary", "upscale_files"],
        "options": ["UpscaleOptions"],
        "photo": ["upscale_photo"],
        "predictor": ["Predictor", "predictor_of"],
        "receptive_field": ["receptive_field_px"],
        "single_image": ["upscale"],
        "size": ["Size"],
        "styles": ["Styles"],
        "upscaling": ["predict", "upscale_stack"],
        "watching": ["watch_folders"],
    },
)
