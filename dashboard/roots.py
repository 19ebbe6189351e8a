"""Which files a request may name: those under folders that whoever serves has named."""

from collections.abc import Collection
from pathlib import Path

from nas.baselines.choice import FEW, named
from nas.baselines.known import parsed
from nas.errors import ParameterError
from nas.export.published import published_models
from nas.space.loading import is_file
from nas.study.search import SearchOptions
from nas.study.warm_start import PUBLISHED


def _exists(name: str) -> bool:
    try:
        return Path(name).exists()
    except (OSError, ValueError):
        return False


class Roots:
    """Folders, as `nas dashboard --root` has them."""

    def __init__(self, folders: Collection[Path]) -> None:
        self.folders = [folder.resolve() for folder in folders]

    def check(self, options: SearchOptions, studies: Collection[str]) -> None:
        """Raises ParameterError when a search would read or write a file that is not under a root.

        What is asked for is said, and not whether there is such a file.
        """
        asked = options.evaluation
        argument = asked.dataset.partition(":")[2]
        known = {*studies, *published_models(), PUBLISHED}
        for name in named(options.baselines):
            if name != FEW and parsed(name).is_users:
                raise ParameterError(f"--baselines {name!r} is code, which the service does not run for others")
        paths = {
            "--data-dir": [str(asked.data_dir)] if asked.data_dir is not None else [],
            "--dataset": [argument] if argument else [],
            "--space": [options.space] if is_file(options.space) else [],
            # A study may be gone by the time that the search looks for it, and a file of that name found.
            "--start-from": [name for name in options.start_from if name not in known or _exists(name)],
        }
        for flag, names in paths.items():
            for name in names:
                if not self.holds(name):
                    listed = ", ".join(map(str, self.folders)) or "none; `nas dashboard --root DIR` names one"
                    raise ParameterError(f"{flag} {name!r} is not under a folder that this service may use: {listed}")

    def holds(self, name: str) -> bool:
        """Whether a path, links followed, is a root or lies under one: as it is written, and with `~` as a home."""
        try:
            paths = Path(name).resolve(), Path(name).expanduser().resolve()
        except (OSError, ValueError, RuntimeError):
            return False
        return all(any(path.is_relative_to(folder) for folder in self.folders) for path in paths)
