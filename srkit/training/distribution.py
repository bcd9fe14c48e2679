"""Training on more than one device: which strategy, who writes, and how all start from one state."""

import contextlib
import os
from collections.abc import Callable, Iterator, Sequence

import keras
import tensorflow as tf

from srkit.errors import InputError
from srkit.training.options import TrainOptions


def default_strategy() -> tf.distribute.Strategy:
    """The strategy for the devices of this process. Call it before anything else of TensorFlow.

    `MultiWorkerMirroredStrategy` where `TF_CONFIG` names several machines, `MirroredStrategy` where there are several
    GPUs, otherwise TensorFlow's own for one device.
    """
    if os.environ.get("TF_CONFIG"):
        return tf.distribute.MultiWorkerMirroredStrategy()
    if len(tf.config.list_logical_devices("GPU")) > 1:
        return tf.distribute.MirroredStrategy()
    return tf.distribute.get_strategy()


def num_workers(strategy: tf.distribute.Strategy) -> int:
    """Number of processes that train together."""
    return strategy.extended._num_workers if isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy) else 1


def is_chief(strategy: tf.distribute.Strategy) -> bool:
    """Whether this process is the one that writes: the chief, or else the first worker."""
    if num_workers(strategy) == 1:
        return True
    resolver = strategy.cluster_resolver
    has_chief = "chief" in resolver.cluster_spec().jobs
    return resolver.task_type == "chief" or (not has_chief and resolver.task_id == 0)


def distribute(pairs, strategy: tf.distribute.Strategy, options: TrainOptions) -> Callable[[int, int], Iterator]:
    """Batches of pairs for all devices, by the first and the last step of a training.

    Args:
        pairs: The pairs to cut the batches from.
        strategy: Each of its devices gets an equal part of each batch, on whichever machine it is.
        options: The batches' size, seed, and the size of the crops.

    Raises:
        InputError: Crops or batches of this size cannot be cut.
    """
    num_devices = strategy.num_replicas_in_sync
    batches = {"batch_size": options.batch_size, "patch_size": options.patch_size, "seed": options.seed}
    pairs.batches(**batches, num_shards=num_devices)

    def feed(start: int, stop: int) -> Iterator:
        def on_worker(context: tf.distribute.InputContext):
            count = num_devices // context.num_input_pipelines
            shards = range(context.input_pipeline_id * count, (context.input_pipeline_id + 1) * count)
            return pairs.batches(**batches, start=start, stop=stop, shards=shards, num_shards=num_devices)

        return iter(strategy.distribute_datasets_from_function(on_worker))

    return feed


def run(
    strategy: tf.distribute.Strategy, step: Callable[..., dict], batch: tuple, is_compiled: bool
) -> dict[str, tf.Tensor]:
    """Does a step on each device, with its part of the batch.

    Args:
        strategy: The strategy.
        step: What each device does. It may exchange values with the others.
        batch: Each device's part.
        is_compiled: Whether XLA compiles the step. Of several devices it compiles what is between their exchanges:
            a function that has these in it would be refused.

    Returns:
        The step's values, for each device.
    """

    def compiled_between_exchanges(*part):
        with tf.xla.experimental.jit_scope():
            return step(*part)

    in_parts = is_compiled and strategy.num_replicas_in_sync > 1
    return strategy.run(compiled_between_exchanges if in_parts else step, args=batch)


def apply_summed(
    optimizer: keras.optimizers.Optimizer, gradients: Sequence, variables: Sequence, clipnorm: float | None
) -> None:
    """Updates variables, on each device, with the gradients of all devices together.

    Keras would clip each device's gradients before their sum: two devices would not train as one.

    Args:
        optimizer: The variables' optimizer.
        gradients: This device's gradients, of a loss that is a mean over its part of the batch.
        variables: The variables.
        clipnorm: The largest norm of the gradients of all variables together; None for no limit.
    """
    replica = tf.distribute.get_replica_context()
    gradients = [gradient / replica.num_replicas_in_sync for gradient in gradients]
    if clipnorm:
        whole = replica.all_reduce(tf.distribute.ReduceOp.SUM, gradients)
        clipped, _ = tf.clip_by_global_norm(whole, clipnorm)
        gradients = [gradient / replica.num_replicas_in_sync for gradient in clipped]
    optimizer.apply(gradients, variables)


def broadcast_from_chief(strategy: tf.distribute.Strategy, values: list) -> list:
    """Gives the chief's values to every worker, so that only the chief's disk needs to hold the run.

    Args:
        strategy: The strategy. All its workers must call this together.
        values: Arrays of the same shapes on each worker.

    Returns:
        The chief's values as float64 arrays; with one worker, `values` as they are.
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
def explain_lost_workers(strategy: tf.distribute.Strategy) -> Iterator[None]:
    """Raises an InputError that says how to continue when another worker is lost."""
    try:
        yield
    except (tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.InternalError, tf.errors.CancelledError):
        if num_workers(strategy) == 1:
            raise
        raise InputError(
            "Another worker of this training has stopped or cannot be reached. Start the same command again on all of "
            "them: the run goes on from its last checkpoint."
        ) from None
