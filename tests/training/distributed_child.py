"""A training in a process of its own, on one or several devices, for test_distribution.py.

python distributed_child.py mirrored|mirrored-xla|worker pre_trainer|gan_trainer RUN CACHE STEPS
"""

import sys

import tensorflow as tf

from srkit import data
from srkit.training import distribution


def main(devices: str, build: str, run: str, cache: str, steps: str) -> None:
    if devices.startswith("mirrored"):
        halves = [tf.config.LogicalDeviceConfiguration()] * 2
        tf.config.set_logical_device_configuration(tf.config.list_physical_devices("CPU")[0], halves)
        strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    else:
        strategy = distribution.default_strategy()
    assert strategy.num_replicas_in_sync == 2
    import small_trainers
    from test_distribution import AS_ON_GPUS, DISTRIBUTED

    train, valid = data.samples(num_images=4, cache_dir=cache)
    with strategy.scope():
        options = {**DISTRIBUTED, **(AS_ON_GPUS if devices == "mirrored-xla" else {})}
        trainer = getattr(small_trainers, build)(run, **options)
    trainer.train(train, valid.take(1), steps=int(steps))


if __name__ == "__main__":
    main(*sys.argv[1:])
