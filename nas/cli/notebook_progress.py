"""A progress bar in a notebook's cell."""

from typing import Any

from rich.progress import Progress, ProgressColumn, TaskID


class NotebookProgress(Progress):
    """A bar that is drawn again in its place after every update.

    In a notebook rich's own bar needs ipywidgets; this one needs only IPython, which every notebook has.
    """

    def __init__(self, *columns: ProgressColumn, **options: Any) -> None:
        super().__init__(*columns, auto_refresh=False, **options)
        self._output: Any = None

    def start(self) -> None:
        # Only a notebook has it.
        from IPython.display import display

        self._output = display(self, display_id=True)

    def stop(self) -> None:
        """Leave the bar as it is."""
        self._output = None

    def update(self, task_id: TaskID, **fields: Any) -> None:
        super().update(task_id, **fields)
        if self._output is not None:
            self._output.update(self)
