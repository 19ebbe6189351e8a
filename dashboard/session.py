"""Sign-in: a token is exchanged for a cookie that scripts cannot read and other sites cannot send."""

from typing import Annotated

from fastapi import APIRouter, HTTPException, Request, Response
from pydantic import BaseModel, Field

from dashboard.access import COOKIE, SESSION_S, Access, Right

router = APIRouter(prefix="/api/v1", tags=["session"])


class Credentials(BaseModel):
    """The body of a sign-in request."""

    token: Annotated[str, Field(max_length=1000)]


@router.post("/session", status_code=204)
def sign_in(request: Request, response: Response, credentials: Credentials) -> None:
    """Begin a session with a token."""
    access: Access = request.app.state.access
    right = Right.WRITE if access.is_open else access.right_of_token(credentials.token)
    if right is Right.NOTHING:
        raise HTTPException(401, "unknown token")
    response.set_cookie(
        COOKIE,
        access.begin_session(right),
        max_age=SESSION_S,
        httponly=True,
        samesite="lax",
        secure=request.url.scheme == "https",
    )


@router.delete("/session", status_code=204)
def sign_out(response: Response) -> None:
    """End the session of this browser."""
    response.delete_cookie(COOKIE)
