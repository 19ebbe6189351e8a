"""Masking of passwords in URLs given to a command: in errors, in the list of processes and in Ray's list of jobs."""

import re
from collections.abc import Sequence

from setproctitle import setproctitle

# A password in a URL stands before the host or in the query.
_PASSWORDS = re.compile(r"(://[^:/@\s]*:)\S*(?=@)|([?&]password=)[^&\s]*")


def without_passwords(text: str) -> str:
    """Replace each password in `text` by `***`."""
    return _PASSWORDS.sub(lambda match: f"{match[1] or match[2]}***", text)


def hide_passwords(arguments: Sequence[str]) -> None:
    """Mask the passwords among the command-line arguments in this process's title; leave it as it is without any."""
    masked = [without_passwords(argument) for argument in arguments]
    if masked != list(arguments):
        setproctitle(" ".join(masked))
