"""The service's writing half: starting a search, following it and stopping it."""

from typing import Annotated, Any

import click
from fastapi import APIRouter, Depends, Path, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field, create_model
from pydantic.config import JsonDict

from dashboard.api import Reading
from dashboard.events import stream
from dashboard.identity import Identified, check_owner
from dashboard.launcher import Launcher
from dashboard.roots import Roots
from nas import plugins
from nas.cli.declared_options import with_flags
from nas.cli.option_types import PictureSize
from nas.cli.search import command
from nas.cli.search_options import search_options_from
from nas.errors import NamedOptionsError, ParameterError, UnknownNameError
from nas.service import schemas
from nas.service.request import arguments, kind_of, served_options

ENDED = ("ended", "stopped", "failed")
Identifier = Annotated[str, Path(max_length=64)]
# No command line can have the character that ends its words.
Text = Annotated[str, Field(max_length=1000, pattern=r"^[^\x00]*$")]


def options_model(command: click.Command) -> type[BaseModel]:
    """Build the model of a search's options as JSON, from the same declaration as the command's."""
    fields: dict[str, Any] = {}
    for name, option in served_options(command).items():
        kind: Any = kind_of(option)
        if option.multiple:
            kind = Annotated[list[Text], Field(max_length=64)]
        elif isinstance(option.type, PictureSize):
            kind = Text | int
        elif kind is str:
            kind = Text
        # False is more than a flag that is not given: forms offer all three.
        further: JsonDict = {"enum": [None, True, False]} if option.secondary_opts else {}
        fields[name] = (kind | None, Field(default=None, description=_description(option), json_schema_extra=further))
    model: type[BaseModel] = create_model(
        "SearchOptions", __config__=ConfigDict(extra="forbid", allow_inf_nan=False), **fields
    )
    return model


def _description(option: click.Option) -> str:
    """Write the option's help, with its default where that is a plain value."""
    plain = isinstance(option.default, str | int | float) and not isinstance(option.default, bool)
    return f"{option.help} Default: {option.default}." if plain else option.help or ""


SearchOptions = options_model(command)


def launcher(request: Request) -> Launcher:
    launching: Launcher = request.app.state.launcher
    return launching


def roots(request: Request) -> Roots:
    rooted: Roots = request.app.state.roots
    return rooted


Launching = Annotated[Launcher, Depends(launcher)]
Rooted = Annotated[Roots, Depends(roots)]
router = APIRouter(prefix="/api/v1", tags=["searches"])


@router.get("/choices")
def choices(rooted: Rooted) -> schemas.Choices:
    """The names that are valid here."""
    return {
        "spaces": plugins.names(plugins.SPACES),
        "datasets": plugins.names(plugins.DATASETS),
        "samplers": plugins.names(plugins.SAMPLERS),
        "targets": plugins.names(plugins.TARGETS),
        "mixers": plugins.names(plugins.MIXERS),
        "roots": [str(folder) for folder in rooted.folders],
    }


@router.get("/searches")
def searches(launching: Launching) -> list[schemas.Search]:
    """Those that this service started, the newest first."""
    return launching.all()


@router.post("/searches", status_code=201)
def start(
    launching: Launching,
    rooted: Rooted,
    reading: Reading,
    identified: Identified,
    wanted: SearchOptions,  # type: ignore[valid-type]
) -> schemas.Search:
    """Start a search with options of `nas search`, on this service's database."""
    given = wanted.model_dump(exclude_none=True)  # type: ignore[attr-defined]
    words = arguments(command, given)
    try:
        context = command.make_context("nas search", list(words))
    except click.ClickException as error:
        raise ParameterError(" ".join(error.format_message().split())) from error
    options = search_options_from(context.params)
    try:
        options.check()
    except NamedOptionsError as error:
        raise with_flags(error, command) from error
    except UnknownNameError as error:
        # The missing name is in the request, not in the address: no 404.
        raise ParameterError(str(error)) from error
    rooted.check(options, [snapshot.status.record.name for snapshot in reading.snapshots.all()])
    return launching.start(words, given, identified.name)


@router.get("/searches/{identifier}")
def search(launching: Launching, identifier: Identifier) -> schemas.Search:
    """A search that this service started."""
    return launching.one(identifier)


@router.get("/searches/{identifier}/events", response_class=StreamingResponse)
def events(launching: Launching, identifier: Identifier) -> StreamingResponse:
    """The search now and whenever it changes, as server-sent events named `search`, until it has ended."""
    launching.one(identifier)
    return stream(
        "search",
        lambda: launching.one(identifier),
        lambda search: isinstance(search, dict) and search["state"] in ENDED,
    )


@router.delete("/searches/{identifier}", status_code=204)
def delete(launching: Launching, identified: Identified, identifier: Identifier) -> None:
    """Remove the record of a search that has ended: its options and its log. Its study stays."""
    check_owner(identified, launching.one(identifier)["owner"], f"search {identifier}")
    launching.delete(identifier)


@router.post("/searches/{identifier}/stop", status_code=202)
def stop(launching: Launching, identified: Identified, identifier: Identifier) -> schemas.Search:
    """Stop it as Ctrl-C does; what was finished stays on record, and the same options go on with it."""
    check_owner(identified, launching.one(identifier)["owner"], f"search {identifier}")
    return launching.stop(identifier)
