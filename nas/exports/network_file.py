"""Network files: the weights of a trained network in safetensors' format, with its preprocessing among the metadata."""

import json

from nas.exports.preprocessing import Preprocessing

# The key of the preprocessing among the metadata.
PREPROCESSING = "preprocessing"


def preprocessing_of(content: bytes) -> Preprocessing:
    """Read the preprocessing from a network file's content. Raises KeyError for another safetensors file."""
    # The header is a JSON text behind its length in 8 bytes (safetensors' format).
    length = int.from_bytes(content[:8], "little")
    metadata = json.loads(content[8 : 8 + length])["__metadata__"]
    return Preprocessing.from_dict(json.loads(metadata[PREPROCESSING]))
