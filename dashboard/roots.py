"""The files that a request may name: those under the folders that the server was started with."""

from collections.abc import Collection
from pathlib import Path

from nas.errors import ParameterError
from nas.exports.known import parsed
from nas.exports.published import published_models
from nas.space.loading import is_file
from nas.space.size import split_size
from nas.study.baseline_choice import FEW, named
from nas.study.search import SearchOptions
from nas.study.warm_start import PUBLISHED


def _exists(name: str) -> bool:
    try:
        return Path(name).exists()
    except (OSError, ValueError):
        return False


class Roots:
    """The folders of `nas dashboard --root`."""

    def __init__(self, folders: Collection[Path]) -> None:
        self.folders = [folder.resolve() for folder in folders]

    def check(self, options: SearchOptions, studies: Collection[str]) -> None:
        """Raise ParameterError if a search would read or write a file that is not under a root.

        The message names the request, and does not reveal whether the file exists.
        """
        evaluation = options.evaluation
        argument = evaluation.dataset.partition(":")[2]
        space, _ = split_size(options.space)
        known = {*studies, *published_models(), PUBLISHED}
        for name in named(options.baselines):
            if name != FEW and parsed(name).is_users:
                raise ParameterError(f"--baselines {name!r} is code, which the service does not run for others")
        paths = {
            "--data-dir": [str(evaluation.data_dir)] if evaluation.data_dir is not None else [],
            "--dataset": [argument] if argument else [],
            "--space": [space] if is_file(space) else [],
            # A study may be removed before the search starts, which would then read a file of that name.
            "--start-from": [name for name in options.start_from if name not in known or _exists(name)],
        }
        for flag, names in paths.items():
            for name in names:
                if not self.holds(name):
                    listed = ", ".join(map(str, self.folders)) or "none; add one with `nas dashboard --root DIR`"
                    raise ParameterError(f"{flag} {name!r} is not under a folder that this service may use: {listed}")

    def holds(self, name: str) -> bool:
        """Whether a path lies in a root, links followed, both as it is written and with `~` expanded."""
        try:
            paths = Path(name).resolve(), Path(name).expanduser().resolve()
        except (OSError, ValueError, RuntimeError):
            return False
        return all(any(path.is_relative_to(folder) for folder in self.folders) for path in paths)
