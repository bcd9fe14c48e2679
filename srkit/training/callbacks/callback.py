"""The base class of callbacks."""


class Callback:
    """What happens beside the steps of a training. Subclasses define the methods that they need.

    Each method receives the trainer: `trainer.step` is the number of steps done, `trainer.entry` the last step's part
    of the history, `trainer.generator` the model. `trainer.stop_training = True` ends the training after the call.
    On a GPU a call does many steps: the model is then that of the call's end (see `trainer.is_call_end`).
    Callbacks are called in turn; checkpoints are saved when all of them have heard of a step.

    Example:
        ```python
        class Shout(Callback):
            def on_validation_end(self, trainer):
                print(f"{trainer.entry['psnr']:.2f} dB after {trainer.step} steps!")


        trainer.train(train, valid, steps=1_000, callbacks=[Shout()])
        ```
    """

    def on_train_begin(self, trainer) -> None:
        """Called once before the first step, also when a run goes on."""

    def on_step_end(self, trainer) -> None:
        """Called after each step."""

    def on_validation_end(self, trainer) -> None:
        """Called after each step with a validation, when all callbacks have heard of the step."""

    def on_train_end(self, trainer) -> None:
        """Called once at the end, also when an error or Ctrl-C ends the training."""

    def state(self) -> dict[str, float]:
        """What the callback must remember when a run goes on: numbers by name. They are saved in checkpoints."""
        return {}

    def restore(self, state: dict[str, float]) -> None:
        """Takes over what `state` returned at the checkpoint from which a run goes on."""
