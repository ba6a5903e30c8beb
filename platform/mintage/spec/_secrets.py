"""What looks like a credential: specs, plans and manifests are copied and published, secrets must not be."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

HOW = (
    "leave it out: credentials come from the environment of the machine that runs the job "
    "(such as AWS_ACCESS_KEY_ID), its profile or its role"
)

_ALWAYS = {
    "secret",
    "password",
    "passwd",
    "passphrase",
    "pwd",
    "credential",
    "credentials",
    "apikey",
    "authorization",
}
_COLUMN_KEYS = {
    "primary",
    "foreign",
    "partition",
    "sort",
    "order",
    "group",
    "row",
    "parent",
    "join",
    "surrogate",
}
_URI_USER = re.compile(r"[a-z][a-z0-9+.\-]*://[^/?#\s]*@", re.IGNORECASE)
_URI_QUERY = re.compile(
    r"[?&;](x-amz-(signature|credential|security-token)|x-goog-signature|sig|signature|[a-z_\-]*token"
    r"|(api|access|secret)[_\-]?key[a-z_\-]*|password|secret)=[^&\s]",
    re.IGNORECASE,
)
_FORMS = re.compile(
    r"\b(AKIA|ASIA)[0-9A-Z]{16}\b|-----BEGIN [A-Z ]*PRIVATE KEY"
    r"|\bgh[pousr]_\w{36}|\bsk-[\w\-]{20,}|\bxox[abprs]-\w{10,}"
)


def is_secret_name(name: str, *, ordinary_words: bool = False) -> bool:
    """Whether an option of this name holds a credential.

    With `ordinary_words`, the bare words `key` and `token` are taken for columns and text, as in
    the options of generators and operators.

    >>> [is_secret_name(name) for name in ("key", "secretAccessKey", "sas_token", "primary_key", "tokens")]
    [True, True, True, False, False]
    """
    words = re.findall(r"[a-z0-9]+", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower())
    if not words:
        return False
    if len(words) == 1 and words[0] in {"key", "token"}:
        return not ordinary_words
    if _ALWAYS & set(words) or {"access", "key"} <= set(words) or {"connection", "string"} <= set(words):
        return True
    if words[-1] == "token":
        return not ordinary_words or bool({"auth", "access", "bearer", "session", "api"} & set(words))
    return words[-1] == "key" and not _COLUMN_KEYS & set(words)


def is_secret_value(text: str) -> bool:
    """Whether a text holds a credential: a URI with user or signature, a key of a known form.

    >>> [is_secret_value(t) for t in ("s3://user@bucket/x", "https://h/x?sig=ab", "s3://bucket/a@b.csv")]
    [True, True, False]
    """
    return bool(_URI_USER.search(text) or _URI_QUERY.search(text) or _FORMS.search(text))


def find_secrets(value: object, path: str = "", *, ordinary_words: bool = False) -> Iterator[str]:
    """The paths in a JSON value under which a credential seems to stand."""
    if isinstance(value, Mapping):
        for name, item in value.items():
            place = f"{path}.{name}" if path else str(name)
            named = is_secret_name(str(name), ordinary_words=ordinary_words)
            if named and not isinstance(item, bool | None):
                yield place
            else:
                yield from find_secrets(item, place, ordinary_words=ordinary_words)
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from find_secrets(item, f"{path}[{index}]", ordinary_words=ordinary_words)
    elif isinstance(value, str) and is_secret_value(value):
        yield path
