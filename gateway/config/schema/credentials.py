"""The files that `api_keys` and `basic_users` name: who may show which key or password.

What stands in the wrong place here may be a key or a password itself, so no finding about one repeats it.
"""

import re
from typing import Annotated

from pydantic import AfterValidator, Field

from gateway.config.schema.model import (
    NOT_EMPTY,
    UNSEEN,
    Flag,
    Items,
    Moment,
    Name,
    Spec,
    Text,
    needed,
    optional,
    rule,
)
from gateway.policy.api_key import ID

_DIGEST = re.compile("[0-9a-f]{64}")
_BCRYPT = re.compile(r"\$2[aby]\$([0-9]{2})\$[./A-Za-z0-9]{53}")
_ARGON2 = re.compile(
    r"\$argon2id\$v=19\$m=([0-9]{1,7}),t=([0-9]{1,2}),p=([0-9]{1,2})\$[A-Za-z0-9+/]{11,86}\$[A-Za-z0-9+/]{22,86}"
)
# Weaker is guessed too fast; stronger would let a few requests hold all threads. The lower bounds of argon2id
# are those that OWASP gives for the least memory: 7 MiB.
_ROUNDS = range(10, 15)
_MEMORY = range(7 * 1024, 256 * 1024 + 1)
_PASSES = range(1, 17)
_LANES = range(1, 9)


def _digest(value: str) -> str:
    if _DIGEST.fullmatch(value) is None:
        raise rule("expected the SHA-256 of a key in 64 hexadecimal digits, as `gateway api-key` prints it")
    return value


def _hash(value: str) -> str:
    bcrypt, argon2 = _BCRYPT.fullmatch(value), _ARGON2.fullmatch(value)
    if bcrypt is None and argon2 is None:
        raise rule("expected an argon2id or bcrypt hash, quoted, as `gateway password` prints it")
    if bcrypt is not None and int(bcrypt[1]) not in _ROUNDS:
        raise rule("expected a bcrypt hash of cost 10 to 14")
    if argon2 is not None:
        memory, passes, lanes = map(int, argon2.groups())
        if memory not in _MEMORY or passes not in _PASSES or lanes not in _LANES:
            raise rule("expected an argon2id hash of 7 to 256 MiB, at most 16 passes and 8 lanes")
    return value


def _user(value: str) -> str:
    # RFC 7617 2: "a user-id containing a colon character is invalid".
    if ":" in value or not value.isprintable():
        raise rule("expected a name of printable characters without a colon")
    return value


def _subject(value: str) -> str:
    if not value.isprintable():
        raise rule("expected a name of printable characters")
    return value


Subject = Annotated[str, Field(min_length=1, max_length=256), AfterValidator(_subject)]
UserName = Annotated[str, Field(min_length=1, max_length=256), AfterValidator(_user)]
KeyId = Annotated[str, Field(pattern=f"^{ID}$")]
Digest = Annotated[str, AfterValidator(_digest), UNSEEN]
Hash = Annotated[str, AfterValidator(_hash), UNSEEN]


class ApiKeySpec(Spec):
    """One key. A principal may have several, so that one can step in for another."""

    id: KeyId = needed("The part of the key that names it.")
    sha256: Digest = needed("The SHA-256 of the whole key.")
    principal: Subject = needed("Who asks.")
    roles: Items[Name] = optional("Its roles.", ())
    scopes: Items[Text] = optional("Its scopes.", ())
    tier: Name | None = optional("The tier that it is counted by.")
    not_before: Moment | None = optional("When it begins to count.")
    expires: Moment | None = optional("When it ends.")
    disabled: Flag = optional("Whether it is refused with 403.", False)


class ApiKeysFile(Spec):
    """The file of `api_keys`."""

    keys: Items[ApiKeySpec] = needed("The keys.")


class UserSpec(Spec):
    """One user."""

    name: UserName = needed("The user, as the client says it, and the subject of the principal.")
    hash: Hash = needed("The argon2id or bcrypt hash of the password.")
    roles: Items[Name] = optional("Roles.", ())
    scopes: Items[Text] = optional("Scopes.", ())
    tier: Name | None = optional("The tier that the user is counted by.")
    disabled: Flag = optional("Whether the user is refused with 403.", False)


class UsersFile(Spec):
    """The file of `basic_users`."""

    users: Annotated[Items[UserSpec], NOT_EMPTY] = needed("The users.")
