import math

import keras
import pytest

from srkit.training import TrainOptions
from srkit.training.optimizers import depends_on_steps, learning_rate_of
from srkit.training.options import SCHEDULES


def rates(at: tuple[int, ...], steps: int = 10, **options) -> list[float]:
    schedule = learning_rate_of(TrainOptions(**options), steps)
    return [float(schedule(step)) for step in at]


def test_learning_rates():
    assert rates((0, 4, 5, 9), schedule="tenth_at_half") == pytest.approx([1e-4, 1e-4, 1e-5, 1e-5])
    assert rates((0, 5, 10), schedule="cosine") == pytest.approx([1e-4, 5e-5, 0])
    assert rates((0, 1, 2, 5, 9), schedule="half_every_fifth", learning_rate=1.0) == [1, 1, 0.5, 0.25, 0.0625]
    assert rates((0, 1, 3, 4), learning_rate=1.0, warmup_steps=4) == [0.25, 0.5, 1, 1]
    assert rates((1,), schedule="cosine", warmup_steps=2) == rates((1,), schedule="cosine")
    assert rates((7,)) == [1e-4]


def test_cosine_is_exact_in_float64():
    expected = [1e-4 * 0.5 * (1 + math.cos(math.pi * step / 97)) * min(1, (step + 1) / 5) for step in range(97)]
    found = rates(tuple(range(97)), steps=97, schedule="cosine", warmup_steps=5)
    assert found == pytest.approx(expected, rel=1e-15)


def test_a_keras_schedule_takes_the_place_of_one_by_name():
    decay = keras.optimizers.schedules.ExponentialDecay(0.5, decay_steps=1, decay_rate=0.5)
    assert rates((0, 1, 2), learning_rate=decay) == [0.5, 0.25, 0.125]
    assert rates((0, 1, 2), learning_rate=decay, warmup_steps=2) == [0.25, 0.25, 0.125]
    assert rates((0, 1, 2), optimizer=keras.optimizers.Adam(decay)) == [0.5, 0.25, 0.125]
    assert not depends_on_steps(TrainOptions(learning_rate=decay, schedule="cosine"))
    assert depends_on_steps(TrainOptions(schedule="cosine", warmup_steps=2))


@pytest.mark.parametrize("name", SCHEDULES)
def test_schedules_serve_in_any_keras_optimizer(name):
    schedule = learning_rate_of(TrainOptions(schedule=name, warmup_steps=3), 10)
    config = keras.optimizers.schedules.serialize(schedule)
    optimizer = keras.optimizers.SGD(keras.optimizers.schedules.deserialize(config))
    variable = keras.Variable([0.0])
    for step in range(3):
        assert float(optimizer.learning_rate) == pytest.approx(float(schedule(step)))
        optimizer.apply([keras.ops.ones(1)], [variable])
    assert float(variable[0]) == pytest.approx(-sum(float(schedule(step)) for step in range(3)))
