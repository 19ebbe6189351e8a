"""Checks of token mixers' options; the messages reach the user with the line of the space file."""


def check_odd(name: str, value: int) -> None:
    """Raises ValueError unless the value is an odd number of at least 1, as the side of a window around a token is."""
    if value < 1 or value % 2 == 0:
        raise ValueError(f"{name} {value} is not an odd number of at least 1")


def check_expansion(expansion: int) -> None:
    """Raises ValueError for an expansion below 1."""
    if expansion < 1:
        raise ValueError(f"expansion {expansion} is below 1")
