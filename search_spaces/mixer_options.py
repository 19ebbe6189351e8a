"""Checks of token mixers' options; the messages reach the user with the line of the space file."""


def check_odd(name: str, value: int) -> None:
    """Check that the side of a window around a token is an odd number of at least 1. Raises ValueError."""
    if value < 1 or value % 2 == 0:
        raise ValueError(f"{name} {value} is not an odd number of at least 1")


def check_expansion(expansion: int) -> None:
    """Check that the expansion is at least 1. Raises ValueError."""
    if expansion < 1:
        raise ValueError(f"expansion {expansion} is below 1")
