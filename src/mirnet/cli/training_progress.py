"""Progress of a training run on the terminal: patches a second, loss, PSNR and the time left."""

from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from mirnet.training.recipe import Recipe

if TYPE_CHECKING:
    from mirnet.training import loop


class TrainingProgress:
    """A bar on standard error, shown within `bar`.

    It counts pixels: steps take longer from stage to stage.
    """

    def __init__(self, recipe: Recipe) -> None:
        self._stages = recipe.stages
        self.bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[facts]}"),
            TimeRemainingColumn(elapsed_when_finished=True),
            console=Console(stderr=True),
            redirect_stdout=False,
            redirect_stderr=False,
            speed_estimate_period=120,
        )
        # without a total it moves back and forth
        self._task = self.bar.add_task("reading the photographs", total=None, facts="")

    def show(self, progress: "loop.Progress") -> None:
        """Where the run stands after a step."""
        done = self._pixels(progress.step)
        if self.bar.tasks[0].total is None:  # the steps of an earlier run took no time now
            self.bar.reset(self._task, total=self._pixels(progress.steps), completed=int(done))
        patches = progress.pixels_per_second / progress.stage.patch**2
        facts = f"{patches:.1f} patches/s  loss {progress.loss:.4f}"
        if progress.psnr is not None:
            facts += f"  PSNR {progress.psnr:.2f} dB"
        name = f"step {progress.step}/{progress.steps}"
        self.bar.update(self._task, completed=done, description=name, facts=facts)

    def _pixels(self, steps: int) -> float:
        """In the patches of so many steps from the beginning."""
        total = 0.0
        for stage in self._stages:
            total += min(steps, stage.steps) * stage.batch * stage.patch**2
            steps = max(steps - stage.steps, 0)
        return total
