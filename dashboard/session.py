"""Sign-in: a token is exchanged for a cookie that scripts cannot read and other sites cannot send."""

from typing import Annotated

from fastapi import APIRouter, HTTPException, Request, Response
from pydantic import BaseModel, Field

from dashboard.access import COOKIE, SESSION_S, Access
from dashboard.guard import session_cookie
from dashboard.guesses import Guesses
from dashboard.identity import NOBODY
from dashboard.proxies import FORWARDED_PROTO

router = APIRouter(prefix="/api/v1", tags=["session"])


class Credentials(BaseModel):
    """The body of a sign-in request."""

    token: Annotated[str, Field(max_length=1000)]


@router.post("/session", status_code=204)
def sign_in(request: Request, response: Response, credentials: Credentials) -> None:
    """Begin a session with a token."""
    access: Access = request.app.state.access
    guesses: Guesses = request.app.state.guesses
    client, token = request.state.client, credentials.token
    if not guesses.may_try(client, token):
        raise HTTPException(429, "too many attempts: wait a minute", {"Retry-After": "60"})
    identity = access.of_token(token)
    guesses.note(client, token, is_right=identity != NOBODY)
    if identity == NOBODY:
        raise HTTPException(401, "unknown token")
    request.state.identity = identity
    response.set_cookie(
        COOKIE,
        access.begin_session(token),
        max_age=SESSION_S,
        httponly=True,
        samesite="lax",
        # What a client says of itself concerns its own cookie alone: no proxy needs to be trusted for it.
        secure="https" in (request.url.scheme, request.headers.get(FORWARDED_PROTO)),
    )


@router.delete("/session", status_code=204)
def sign_out(request: Request, response: Response) -> None:
    """End the session of this browser."""
    access: Access = request.app.state.access
    cookie = session_cookie(request.headers)
    request.state.identity = access.of_session(cookie)
    access.end_session(cookie)
    response.delete_cookie(COOKIE)
