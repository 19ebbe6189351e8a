"""The valid tokens: those that the server was started with, and those of a file, read again when it changes."""

import hmac
import logging
import threading
from collections.abc import Sequence
from pathlib import Path

from dashboard.identity import NOBODY, Identity
from nas.errors import ParameterError
from nas.service.tokens import Right, Token, digest_of, read_tokens

LOGGER = logging.getLogger(__name__)


class TokenList:
    """Tokens by their digests. A file that is missing, or that cannot be read any more, allows nobody anything."""

    def __init__(self, tokens: Sequence[Token], file: Path | None = None) -> None:
        self._fixed = tuple(tokens)
        self._file = file
        self._lock = threading.Lock()
        self._version = self._present_version()
        self._of_file: Sequence[Token] = () if file is None or self._version is None else read_tokens(file)

    @property
    def is_empty(self) -> bool:
        """Whether no token was ever asked for: neither is there one nor a file for them."""
        return not self._fixed and self._file is None

    def identity(self, token: str) -> Identity:
        """Return who has the token."""
        return self.identity_of_digest(digest_of(token))

    def identity_of_digest(self, digest: bytes) -> Identity:
        """Return who has the token of this digest. All are compared, so that the time reveals nothing."""
        holder = NOBODY
        for token in self._tokens():
            if token.digest is not None and hmac.compare_digest(digest, token.digest) and token.right > holder.right:
                holder = Identity(token.name, token.right)
        return holder

    def right_of_person(self, name: str, default: Right) -> Right:
        """Return the right of a person whom a proxy has signed in: `default` for one who is not listed."""
        listed = [token.right for token in self._tokens() if token.digest is None and token.name == name]
        return max(listed, default=default)

    def _tokens(self) -> Sequence[Token]:
        if self._file is None:
            return self._fixed
        with self._lock:
            version = self._present_version()
            if version != self._version:
                self._version = version
                try:
                    self._of_file = () if version is None else read_tokens(self._file)
                except ParameterError as error:
                    LOGGER.error("%s: no token of the file is valid", error)
                    self._of_file = ()
            return (*self._fixed, *self._of_file)

    def _present_version(self) -> tuple[int, int, int] | None:
        """The file's inode, size and time of change; None where there is none."""
        try:
            state = None if self._file is None else self._file.stat()
        except OSError:
            return None
        return None if state is None else (state.st_ino, state.st_size, state.st_mtime_ns)
