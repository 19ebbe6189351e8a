"""The service's tokens: who has which right, by the SHA-256 of a token.

A file of tokens has one `NAME:RIGHT:sha256:HEX` a line; `NAME:RIGHT:proxy` gives the right to a person whom a trusted
proxy has signed in. Empty lines and those that begin with # are skipped.
"""

import hashlib
import re
import secrets
import tempfile
from enum import IntEnum
from pathlib import Path
from typing import NamedTuple

from nas.errors import ParameterError, UnknownNameError
from nas.service import READ_ONLY, TOKEN_VARIABLE

HASHED, PROXY = "sha256:", "proxy"
PREFIX = "nas_"
TOKEN_BYTES = 32
_NAME = re.compile(r"[\w.@+-]{1,64}")
_NAMED = re.compile(r"(?P<name>[^:]+):(?P<right>[^:]+):(?P<proof>proxy|sha256:[^:]*)")


class Right(IntEnum):
    """The right of a request: to read, to write what is one's own, to write everything."""

    NOTHING = 0
    READ = 1
    WRITE = 2
    ADMIN = 3


RIGHTS = {right.name.lower(): right for right in Right if right}


class Token(NamedTuple):
    """A token by its digest, and what it allows to whom. Without a digest it is the person whom a proxy names."""

    name: str | None
    right: Right
    digest: bytes | None


def digest_of(token: str) -> bytes:
    """Compute the SHA-256 of a token."""
    return hashlib.sha256(token.encode(errors="surrogatepass")).digest()


def parse_token(text: str, source: str = TOKEN_VARIABLE) -> Token:
    """Parse `NAME:RIGHT:sha256:HEX`, `NAME:RIGHT:proxy`, or without a name `TOKEN` or `sha256:HEX`, also after `ro:`.

    Raises ParameterError, which names the `source` and repeats no token.
    """
    named = _NAMED.fullmatch(text)
    if named is None:
        right = Right.READ if text.startswith(READ_ONLY) else Right.WRITE
        return Token(None, right, _parse_digest(text.removeprefix(READ_ONLY), source))
    name, right_name = named["name"], named["right"]
    check_name(name, source)
    if right_name not in RIGHTS:
        raise ParameterError(f"{source}: {name} has the right {right_name!r}; valid: {', '.join(RIGHTS)}")
    digest = None if named["proof"] == PROXY else _parse_digest(named["proof"], source)
    return Token(name, RIGHTS[right_name], digest)


def check_name(name: str, source: str) -> None:
    """Raise ParameterError for a name that is none of a person's."""
    if not _NAME.fullmatch(name):
        raise ParameterError(f"{source}: {name!r} is no name: at most 64 letters, digits and any of _ . @ + -")


def read_tokens(path: Path) -> list[Token]:
    """Read a file of tokens. Raises ParameterError, with the line, for one that is none."""
    tokens = []
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ParameterError(f"--tokens {str(path)!r} cannot be read: {error}") from error
    for number, line in enumerate(map(str.strip, lines), 1):
        if line and not line.startswith("#"):
            if not _NAMED.fullmatch(line):
                raise ParameterError(f"--tokens {path}, line {number}: not of the form NAME:RIGHT:{HASHED}HEX")
            tokens.append(parse_token(line, f"--tokens {path}, line {number}"))
    return tokens


def add_token(path: Path, name: str, right: str) -> str:
    """Make a token for a person, add its digest to the file, which is made where it is missing, and return the token.

    Raises ParameterError for a name that is none, and for a file that is none of tokens.
    """
    check_name(name, "NAME")
    lines = _lines(path)
    token = PREFIX + secrets.token_urlsafe(TOKEN_BYTES)
    _write(path, [*lines, f"{name}:{right}:{HASHED}{digest_of(token).hex()}"])
    return token


def remove_tokens(path: Path, name: str) -> int:
    """Remove a person's tokens from the file, and return their number. Raises UnknownNameError where there is none."""
    lines = _lines(path)
    kept = [line for line in lines if line.partition(":")[0].strip() != name]
    if len(kept) == len(lines):
        raise UnknownNameError("name", name, {str(token.name) for token in read_tokens(path)})
    _write(path, kept)
    return len(lines) - len(kept)


def _lines(path: Path) -> list[str]:
    if not path.exists():
        return []
    read_tokens(path)
    return path.read_text(encoding="utf-8").splitlines()


def _write(path: Path, lines: list[str]) -> None:
    """Replace the file, readable by its owner alone."""
    try:
        descriptor, temporary = tempfile.mkstemp(dir=path.resolve().parent, prefix=f".{path.name}.")
        with open(descriptor, "w", encoding="utf-8") as file:
            file.writelines(f"{line}\n" for line in lines)
        Path(temporary).replace(path.resolve())
    except OSError as error:
        raise ParameterError(f"--tokens {str(path)!r} cannot be written: {error.strerror}") from error


def _parse_digest(token: str, source: str) -> bytes:
    if not token.removeprefix(HASHED):
        raise ParameterError(f"{source} has an empty token")
    if not token.startswith(HASHED):
        return digest_of(token)
    try:
        digest = bytes.fromhex(token.removeprefix(HASHED))
    except ValueError:
        digest = b""
    if len(digest) != hashlib.sha256().digest_size:
        raise ParameterError(
            f"{source} has a token that begins with {HASHED} but is not a SHA-256 in hexadecimal digits"
        )
    return digest
