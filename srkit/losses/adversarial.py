"""The two sides of the adversarial game, on the discriminator's logits."""

from keras import ops


class Vanilla:
    """The game of SRGAN (Ledig et al. 2017, equations 2 and 6)."""

    def generator(self, hr_logits, sr_logits):
        """-log D(SR), mean over the batch.

        Args:
            hr_logits, sr_logits: `(batch, 1)`, the discriminator's logits of originals and of reconstructions.
        """
        return _cross_entropy(1.0, sr_logits)

    def discriminator(self, hr_logits, sr_logits):
        """-log D(HR) - log(1 - D(SR)), mean over the batch. Arguments as in `generator`."""
        return _cross_entropy(1.0, hr_logits) + _cross_entropy(0.0, sr_logits)


class RelativisticAverage:
    """The game of ESRGAN (Wang et al. 2018, section 3.2, equations 1 and 2).

    The discriminator says how much more an original looks like one than reconstructions do on average:
    D(HR, SR) = sigmoid(C(HR) - mean C(SR)), and the other way round.
    """

    def generator(self, hr_logits, sr_logits):
        """-log(1 - D(HR, SR)) - log D(SR, HR), mean over the batch. Arguments as in `Vanilla.generator`."""
        return _cross_entropy(0.0, hr_logits - ops.mean(sr_logits)) + _cross_entropy(
            1.0, sr_logits - ops.mean(hr_logits)
        )

    def discriminator(self, hr_logits, sr_logits):
        """-log D(HR, SR) - log(1 - D(SR, HR)), mean over the batch. Arguments as in `Vanilla.generator`."""
        return _cross_entropy(1.0, hr_logits - ops.mean(sr_logits)) + _cross_entropy(
            0.0, sr_logits - ops.mean(hr_logits)
        )


vanilla, relativistic_average = Vanilla(), RelativisticAverage()


def _cross_entropy(target: float, logits):
    targets = ops.full_like(logits, target)
    return ops.mean(ops.binary_crossentropy(targets, logits, from_logits=True))
