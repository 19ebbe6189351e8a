"""The service of `nas dashboard` for other programs: the schemas of its responses, and a client."""

# Environment variable with tokens, separated by spaces: a service accepts them all, a client sends the first.
TOKEN_VARIABLE = "NAS_API_TOKEN"  # noqa: S105 - a name
# Prefix of a token that grants read access only.
READ_ONLY = "ro:"
