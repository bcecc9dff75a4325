"""Progress of a training run on the terminal: patches per second, loss, PSNR and time left."""

from typing import TYPE_CHECKING

from rich.progress import TextColumn

from mirnet.cli.bars import progress_bar

if TYPE_CHECKING:
    from mirnet.training import loop


class TrainingProgress:
    """A bar on standard error, visible inside `bar`.

    It counts pixels: steps take longer from stage to stage.
    """

    def __init__(self) -> None:
        self.bar = progress_bar(TextColumn("{task.fields[facts]}"))
        # without a total it moves back and forth
        self._task = self.bar.add_task("reading the data", total=None, facts="")

    def show(self, progress: "loop.StepProgress") -> None:
        """Update the bar after a step."""
        plan, done = progress.plan, progress.step
        if self.bar.tasks[0].total is None:  # the steps of an earlier run took no time now
            total = plan.pixels_at(plan.steps)
            self.bar.reset(self._task, total=total, completed=plan.pixels_at(done))
        facts = f"{progress.patches_per_second:.1f} patches/s  loss {progress.loss:.4f}"
        if progress.scores is not None:
            facts += f"  PSNR {progress.scores.psnr:.2f} dB"
        name = f"step {done}/{plan.steps}"
        completed = plan.pixels_at(done)
        self.bar.update(self._task, completed=completed, description=name, facts=facts)
