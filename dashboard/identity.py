"""A person or program that makes a request, and what it may do."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, HTTPException, Request

from nas.service.tokens import Right


@dataclass(frozen=True)
class Identity:
    """A name, None for a token without one, and its right."""

    name: str | None
    right: Right

    def may_change(self, owner: str | None) -> bool:
        """Whether it may change what belongs to `owner`: what is nobody's, its own, or as an admin anything."""
        return self.right is Right.ADMIN or (self.right >= Right.WRITE and owner in (None, self.name))


NOBODY = Identity(None, Right.NOTHING)
# Everybody on this machine, where the service asks for no token.
ANYBODY = Identity(None, Right.ADMIN)


def identity(request: Request) -> Identity:
    """Return who makes a request that the guard has admitted."""
    identified: Identity = getattr(request.state, "identity", NOBODY)
    return identified


Identified = Annotated[Identity, Depends(identity)]


def check_owner(identified: Identity, owner: str | None, what: str) -> None:
    """Raise HTTPException 403 where `what` belongs to somebody else."""
    if not identified.may_change(owner):
        raise HTTPException(403, f"{what} belongs to {owner}: only {owner} or an admin may do this")
