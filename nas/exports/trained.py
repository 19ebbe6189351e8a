"""A network that a search has trained at its target, as the source of an export."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from nas.exports.config import TRAINED, config_of
from nas.exports.network_file import preprocessing_of
from nas.exports.source import WEIGHTS_FILE, Source
from nas.results.front import Result
from nas.store.network_weights import weights_name
from nas.store.store import Store, StudyRecord


@contextmanager
def trained_source(storage: str, record: StudyRecord, result: Result) -> Iterator[Source]:
    """Yield a trial as a source, with the weights of its training at the target where they are recorded."""
    config = config_of(result, record)
    with Store.open(storage, create=False) as store:
        artifact = store.artifact(weights_name(record.name, result.trial.number))
    is_here = artifact is not None and artifact.details["key"] == result.trial.architecture.key
    final = result.final
    if artifact is None or final is None or not is_here:
        yield Source(config)
        return
    with TemporaryDirectory(prefix="nas-weights-") as scratch:
        weights = Path(scratch) / WEIGHTS_FILE
        weights.write_bytes(artifact.content)
        training = {"seed": final.seed, "test_accuracy": final.test_accuracy}
        trained = replace(
            config,
            # Latency may be measured on another size.
            model_input=record.settings.input,
            preprocessing=preprocessing_of(artifact.content),
            provenance={**config.provenance, TRAINED: {**vars(final.fidelity), **training}},
        )
        yield Source(trained, weights)
