"""The service that `nas dashboard` offers other programs: what it answers, and a client of it."""

# The words of this variable are tokens: those of a service, and, of a client, the one that it sends first of all.
TOKEN_VARIABLE = "NAS_API_TOKEN"  # noqa: S105 - a name
# Before a token that only reads.
READ_ONLY = "ro:"
