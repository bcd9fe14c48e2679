"""Model builders. To add one: a file with a builder, and a line here; tests/test_models.py then tries it.

Builders name all layers. Names that Keras makes up count on from model to model, and TensorFlow orders its graphs by
name: with them, the same training could end in other last digits, depending on what was built before it.
"""

from srkit.models.discriminator import discriminator
from srkit.models.edsr import edsr
from srkit.models.srresnet import srresnet

MODELS = {  # generators: LR to SR
    "srresnet": srresnet,
    "edsr": edsr,
}

__all__ = ["MODELS", "discriminator", "edsr", "srresnet"]
