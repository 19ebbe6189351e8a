"""`nas predict`: the classes of pictures by a trained network."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from nas.cli import options
from nas.cli.declared_options import OptionsCommand
from nas.errors import DataError, ParameterError
from nas.exports.loading import load_network
from nas.exports.picture_files import is_hidden, picture_endings
from nas.exports.prediction import Predictor, onnx_predictor
from nas.options import PIXEL_LIMIT

ONNX_SUFFIX = ".onnx"


@click.command("predict", cls=OptionsCommand)
@click.argument("network", metavar="FOLDER|FILE.onnx", type=click.Path(path_type=Path))
@click.argument("pictures", metavar="PICTURES...", nargs=-1, required=True, type=click.Path(path_type=Path))
@options.max_pixels
@options.as_json
def command(network: Path, pictures: tuple[Path, ...], max_pixels: int, as_json: bool) -> None:
    """Predict the classes of pictures: a line each with the path, the most likely class and its probability.

    FOLDER is one of `nas retrain`, FILE.onnx an export of it. Of a folder among PICTURES all picture files are taken.
    Files that cannot be read have a line on standard error, and the command ends with 2.
    """
    PIXEL_LIMIT.check("max_pixels", max_pixels)
    paths = list(_files(pictures))
    predictor = _predictor(network)
    failed = False
    for path in paths:
        # One by one, so that a file which cannot be read costs no other one's answer.
        try:
            (prediction,) = predictor(path, max_pixels)
        except DataError as error:
            click.echo(f"nas: error: {error}", err=True)
            failed = True
            continue
        if as_json:
            click.echo(json.dumps({"path": str(path), **prediction._asdict()}))
        else:
            click.echo(f"{path}: {prediction.name} {prediction.probability:.4f}")
    sys.exit(DataError.exit_code if failed else 0)


def _predictor(network: Path) -> Predictor:
    """Load the network. Raises ParameterError for one that does not know its preprocessing."""
    if network.suffix == ONNX_SUFFIX and not network.is_dir():
        return onnx_predictor(network)
    predictor: Predictor | None = getattr(load_network(str(network), folded=True), "predict", None)
    if predictor is None:
        raise ParameterError(
            f"folder {str(network)!r} holds no record of its preprocessing; `nas retrain` writes folders that do"
        )
    return predictor


def _files(pictures: tuple[Path, ...]) -> Iterator[Path]:
    """The files, and those below folders that have a picture's ending and are not hidden."""
    endings = picture_endings()
    for path in pictures:
        if not path.exists():
            raise ParameterError(f"{str(path)!r} does not exist: PICTURES are files, or folders of them")
        if not path.is_dir():
            yield path
            continue
        for file in sorted(path.rglob("*")):
            hidden = any(map(is_hidden, file.relative_to(path).parts))
            if file.is_file() and file.suffix.lower() in endings and not hidden:
                yield file
