"""Passwords in URLs that a command was given: no error shows them, no list of processes, nor Ray's of jobs."""

import re
from collections.abc import Sequence

from setproctitle import setproctitle

# In URLs: what stands before the host, or in the query.
_PASSWORDS = re.compile(r"(://[^:/@\s]*:)\S*(?=@)|([?&]password=)[^&\s]*")


def without_passwords(word: str) -> str:
    return _PASSWORDS.sub(lambda found: f"{found[1] or found[2]}***", word)


def hide_passwords(words: Sequence[str]) -> None:
    """Let this process be listed as these words; as it is where they hold no password."""
    shown = [without_passwords(word) for word in words]
    if shown != list(words):
        setproctitle(" ".join(shown))
