"""Weights of networks that a search has trained at its target, as artifacts in the database."""

import hashlib
import time

from nas.store.artifact import Artifact

KIND = "weights"


def weights_prefix(study: str) -> str:
    """The beginning of the names of all artifacts with weights of that study's trials, and of no others."""
    return f"{KIND}-{hashlib.blake2b(study.encode(), digest_size=8).hexdigest()}-"


def weights_name(study: str, number: int) -> str:
    """The name of the artifact with the weights of a study's trial."""
    return f"{weights_prefix(study)}{number}"


def weights_artifact(study: str, number: int, key: str, content: bytes) -> Artifact:
    """The artifact of a trial's weights: a safetensors file, with the preprocessing among its metadata."""
    details = {"study": study, "trial": number, "key": key}
    return Artifact(weights_name(study, number), KIND, details, content, time.time())
