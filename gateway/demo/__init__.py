"""Ten toy services for the repository's own configuration to protect, and an issuer of tokens.

The services are plain HTTP applications, as a stranger would have written them: they know nothing of the
gateway, keep no log and hold a little data in memory, the same at each start.
"""
