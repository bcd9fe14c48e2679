"""Model builders. To add one: a file with a builder, and a line here; tests/test_models.py then tries it."""

from srkit.models.discriminator import discriminator
from srkit.models.edsr import edsr
from srkit.models.srresnet import srresnet

MODELS = {  # generators: LR to SR
    "srresnet": srresnet,
    "edsr": edsr,
}

__all__ = ["MODELS", "discriminator", "edsr", "srresnet"]
