"""Training on more than one device: which strategy, who writes, and how all start from one state."""

import contextlib
import os
from collections.abc import Iterator

import tensorflow as tf

from srkit.errors import InputError


def default_strategy() -> tf.distribute.Strategy:
    """The strategy that suits where the process runs; call it before anything else of TensorFlow.

    `MultiWorkerMirroredStrategy` where `TF_CONFIG` names several machines, `MirroredStrategy` where there are several
    GPUs, otherwise TensorFlow's own for one device.
    """
    if os.environ.get("TF_CONFIG"):
        return tf.distribute.MultiWorkerMirroredStrategy()
    if len(tf.config.list_logical_devices("GPU")) > 1:
        return tf.distribute.MirroredStrategy()
    return tf.distribute.get_strategy()


def num_workers(strategy: tf.distribute.Strategy) -> int:
    """Processes that train together."""
    return strategy.extended._num_workers if isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy) else 1


def is_chief(strategy: tf.distribute.Strategy) -> bool:
    """Whether this process is the one that writes: the chief, or else the first worker."""
    if num_workers(strategy) == 1:
        return True
    resolver = strategy.cluster_resolver
    has_chief = "chief" in resolver.cluster_spec().jobs
    return resolver.task_type == "chief" or (not has_chief and resolver.task_id == 0)


def chiefs_values(strategy: tf.distribute.Strategy, values: list) -> list:
    """The chief's values on every worker, so that only its disk needs to hold the run.

    Args:
        strategy: All its workers must call this together.
        values: Arrays; of the same shapes on each worker. They come back as float64.
    """
    if num_workers(strategy) == 1:
        return values

    def share(values):
        context = tf.distribute.get_replica_context()
        first = tf.equal(context.replica_id_in_sync_group, 0)
        mine = [tf.where(first, value, tf.zeros_like(value)) for value in values]
        return context.all_reduce(tf.distribute.ReduceOp.SUM, mine)

    @tf.function
    def run(values):
        return strategy.run(share, args=(values,))

    # In one type, as a sum of many needs, which holds those of all others exactly.
    shared = run([tf.cast(value, tf.float64) for value in values])
    return [strategy.experimental_local_results(value)[0].numpy() for value in shared]


@contextlib.contextmanager
def told_when_others_stop(strategy: tf.distribute.Strategy) -> Iterator[None]:
    """Turns TensorFlow's errors about lost workers into one that says what to do."""
    try:
        yield
    except (tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.InternalError, tf.errors.CancelledError):
        if num_workers(strategy) == 1:
            raise
        raise InputError(
            "Another worker of this training has stopped or cannot be reached. Start the same command again on all of "
            "them: the run goes on from its last checkpoint."
        ) from None
