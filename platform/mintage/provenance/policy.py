"""Whom a verifier trusts, with what, and what must have been signed: deny unless attested.

    format: mintage-policy/1
    keys:
      release-2025: {file: release-2025.pub, versions: {to: 6}}
      release-2026: {file: release-2026.pub, versions: {from: 7}, dates: {from: 2026-01-01}}
      ada: {file: ada.pub}
    roles:
      builder: {keys: [release-2025, release-2026], threshold: 1}
      reviewer: {keys: [ada]}
    builders: [https://mintage.dev/builder/self-hosted/v1]
    min_version: 3
    require: [https://in-toto.io/attestation/test-result/v0.1]
    reviews: {accepts: 1}

Reading the file is for the caller: here are the values, as JSON has them.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, ValidationError, model_validator

from mintage.errors import ProvenanceError, SpecError
from mintage.provenance.lineage_policy import LineagePolicy
from mintage.provenance.signing import PublicKey

FORMAT = "mintage-policy/1"
MAX_KEYS = 100

Role = Literal["builder", "source", "reviewer", "verifier"]
"""`builder` signs versions and says how they were made, `source` attests real data, `reviewer` has looked
at a version, `verifier` has verified it."""

ROLES: tuple[Role, ...] = get_args(Role)

_Word = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+\z")]
_Uri = Annotated[str, Field(min_length=1, max_length=4096)]
_Version = Annotated[int, Field(ge=1, lt=2**53, strict=True)]
LoadKey = Callable[[str], PublicKey]
"""Reads the public key in a file that a policy names."""


class _Part(BaseModel):
    """A part of a policy: immutable, and unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, hide_input_in_errors=True)


class Versions(_Part):
    """The versions for which a key is valid, both ends included."""

    first: _Version = Field(default=1, alias="from")
    last: _Version | None = Field(default=None, alias="to")

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.last is not None and self.last < self.first:
            raise ValueError(f"it ends at version {self.last}, before it begins at {self.first}")
        return self

    def __contains__(self, version: int) -> bool:
        return self.first <= version and (self.last is None or version <= self.last)

    def __str__(self) -> str:
        return f"versions {self.first} to {self.last}" if self.last else f"versions from {self.first} on"


class Dates(_Part):
    """The times at which a key is valid, as ISO 8601 dates or times; a date means the whole day, in UTC."""

    first: _Word | None = Field(default=None, alias="from")
    last: _Word | None = Field(default=None, alias="to")

    @model_validator(mode="after")
    def _check(self) -> Self:
        first, end = self._bounds()
        if end <= first:
            raise ValueError(f"it ends with {self.last}, before it begins with {self.first}")
        return self

    def __contains__(self, moment: datetime) -> bool:
        first, end = self._bounds()
        return first <= moment < end

    def _bounds(self) -> tuple[datetime, datetime]:
        first = parse_time(self.first)[0] if self.first else datetime.min.replace(tzinfo=UTC)
        return first, parse_time(self.last)[1] if self.last else datetime.max.replace(tzinfo=UTC)

    def __str__(self) -> str:
        return " ".join(
            [*(["from", self.first] if self.first else []), *(["to", self.last] if self.last else [])]
        )


def parse_time(text: str) -> tuple[datetime, datetime]:
    """The first moment that a date or time means, and the one behind its last; raises `ValueError`.

    >>> [str(moment) for moment in parse_time("2026-02-28")]
    ['2026-02-28 00:00:00+00:00', '2026-03-01 00:00:00+00:00']
    """
    try:
        if len(text) == len("2026-01-01"):
            first = datetime.combine(date.fromisoformat(text), time(), UTC)
            return first, first + timedelta(days=1)
        moment = datetime.fromisoformat(text)
    except (ValueError, OverflowError) as exc:
        raise ValueError(f"{text[:40]!r} is no ISO 8601 date or time, such as 2026-01-31") from exc
    if moment.tzinfo is None:
        raise ValueError(f"the time {text[:40]!r} has no zone: end it with Z or an offset")
    return moment, moment + timedelta(microseconds=1)


class TrustedKey(_Part):
    """A public key, by its file or as PEM text, and when it is valid: always by default."""

    file: _Word | None = None
    pem: Annotated[str, Field(max_length=16_384)] | None = None
    versions: Versions = Versions()
    dates: Dates | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.file is None) == (self.pem is None):
            raise ValueError("it needs either file or pem")
        return self


class RolePolicy(_Part):
    """The keys that have a role, by name, and how many of them must have signed a statement."""

    keys: Annotated[tuple[_Word, ...], Field(min_length=1, max_length=MAX_KEYS)]
    threshold: Annotated[int, Field(ge=1, strict=True)] = 1

    @model_validator(mode="after")
    def _check(self) -> Self:
        if len(set(self.keys)) < len(self.keys):
            raise ValueError("a key is there twice")
        if self.threshold > len(self.keys):
            raise ValueError(f"{self.threshold} keys must sign, but only {len(self.keys)} are named")
        return self


class Reviews(_Part):
    """The reviews that a version needs."""

    accepts: Annotated[int, Field(ge=0, le=MAX_KEYS, strict=True)] = 0
    """Reviewers that accept, each counted once. One that rejects is enough to refuse."""


class Policy(_Part):
    """What a verifier demands of a version."""

    format: Literal["mintage-policy/1"]
    dataset: Annotated[str, Field(max_length=4096)] | None = None
    """The name that the data set must have."""
    trusted: Annotated[dict[_Word, TrustedKey], Field(alias="keys", min_length=1, max_length=MAX_KEYS)]
    roles: dict[Role, RolePolicy]
    builders: Annotated[tuple[_Uri, ...], Field(max_length=100)] | None = None
    """Ids of builders that are allowed; None: any that a trusted key vouches for."""
    build_types: Annotated[tuple[_Uri, ...], Field(max_length=100)] | None = None
    min_version: _Version = 1
    """The oldest version that is accepted: at least the newest that was ever seen."""
    require: Annotated[tuple[_Uri, ...], Field(max_length=100)] = ()
    """Predicate types that must have been attested."""
    reviews: Reviews = Reviews()
    lineage: LineagePolicy | None = None

    _public: dict[str, PublicKey] = PrivateAttr(default_factory=dict)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if "builder" not in self.roles:
            raise ValueError("roles: it needs the role builder, whose keys sign versions")
        for role, policy in self.roles.items():
            if unknown := [name for name in policy.keys if name not in self.trusted]:
                guess = _nearest(unknown[0], self.trusted)
                raise ValueError(f"roles.{role}: there is no key {unknown[0]!r} under keys; {guess}")
        reviewers = self.roles.get("reviewer")
        if self.reviews.accepts > (len(reviewers.keys) if reviewers else 0):
            raise ValueError(
                f"reviews: {self.reviews.accepts} must accept, but roles.reviewer names "
                f"{len(reviewers.keys) if reviewers else 'no'} keys"
            )
        if reviewers and reviewers.threshold > 1:
            raise ValueError(
                "roles.reviewer: each reviewer signs a review alone; say reviews.accepts instead"
            )
        return self

    @classmethod
    def of(cls, values: object, load_key: LoadKey) -> Self:
        """The policy in plain JSON values; `load_key` reads the files that it names.

        Raises `SpecError` that says where it is wrong, also for keys that cannot be read, and for one
        key under two names.
        """
        if not isinstance(values, Mapping):
            raise SpecError("the policy must be a mapping of keys", f"it begins with `format: {FORMAT}`")
        try:
            policy = cls.model_validate(dict(values))
        except ValidationError as exc:
            raise _policy_error(exc) from exc
        for name, key in policy.trusted.items():
            policy._public[name] = _load(name, key, load_key)
        policy._refuse_twins()
        return policy

    @classmethod
    def trusting(cls, keys: Sequence[PublicKey]) -> Self:
        """The policy that any one of these keys may sign versions; raises `SpecError` when there is none."""
        distinct = {key.keyid: key for key in keys}
        names = [f"key-{number}" for number in range(1, len(distinct) + 1)]
        pems = {
            name: {"pem": key.pem.decode("ascii")} for name, key in zip(names, distinct.values(), strict=True)
        }
        return cls.of(
            {"format": FORMAT, "keys": pems, "roles": {"builder": {"keys": names}}}, load_key=PublicKey.load
        )

    @property
    def needs_provenance(self) -> bool:
        """Whether how a version was made has to be looked at: by whom, when, what was said besides."""
        dated = any(self.trusted[name].dates for role in self.roles.values() for name in role.keys)
        return bool(dated or self.require or self.builders is not None or self.build_types is not None)

    @property
    def needs_attestations(self) -> bool:
        """Whether what was signed after the head has to be looked at."""
        return bool(self.require or "reviewer" in self.roles or self.threshold("builder") > 1)

    @property
    def keys(self) -> list[PublicKey]:
        """All keys, whatever their roles."""
        return list(self._public.values())

    def keys_of(self, role: Role) -> list[PublicKey]:
        """The keys that have a role."""
        policy = self.roles.get(role)
        return [self._public[name] for name in policy.keys] if policy else []

    def threshold(self, role: Role) -> int:
        """How many keys of a role must sign."""
        return self.roles[role].threshold if role in self.roles else 1

    def name_of(self, keyid: str) -> str | None:
        """The name under which the policy has a key."""
        return next((name for name, key in self._public.items() if key.keyid == keyid), None)

    def roles_of(self, keyid: str) -> list[Role]:
        """The roles that a key has."""
        return [role for role in self.roles if any(key.keyid == keyid for key in self.keys_of(role))]

    def why_invalid(self, keyid: str, version: int, moment: datetime | None) -> str | None:
        """Why a key is not valid for a version that was made at `moment` (None: nobody signed when)."""
        key = self.trusted[self.name_of(keyid) or ""]
        if version not in key.versions:
            return f"it is valid for {key.versions}, not for version {version}"
        if key.dates is None:
            return None
        if moment is None:
            return f"it is valid {key.dates}, and nothing that was signed says when this was made"
        return None if moment in key.dates else f"it is valid {key.dates}, not at {moment.isoformat()}"

    def _refuse_twins(self) -> None:
        names: dict[str, str] = {}
        for name, key in self._public.items():
            if first := names.get(key.keyid):
                raise SpecError(
                    f"policy: keys.{first} and keys.{name} are one key, {key.keyid}",
                    "name each key once: two names must not count as two signers",
                )
            names[key.keyid] = name


def _load(name: str, key: TrustedKey, load_key: LoadKey) -> PublicKey:
    try:
        if key.pem is not None:
            return PublicKey.from_pem(key.pem.encode("utf-8"), f"keys.{name}.pem")
        return load_key(key.file or "")
    except ProvenanceError as exc:
        raise SpecError(f"policy: keys.{name}: {exc.message}", exc.hint) from exc


def _nearest(word: str, known: Iterable[str]) -> str:
    names = sorted(known)
    close = difflib.get_close_matches(word, names, n=1, cutoff=0.6)
    return f"did you mean {close[0]!r}?" if close else f"known: {', '.join(names)[:500]}"


def _policy_error(exc: ValidationError) -> SpecError:
    """What is wrong first, with its place, and the nearest key where one is unknown."""
    error = exc.errors(include_url=False, include_input=False)[0]
    steps = [str(step) for step in error["loc"] if step != "[key]"]
    place = ".".join(steps)[:500]
    if error["type"] == "extra_forbidden":
        owner = _owner(steps[:-1])
        known = [field.alias or name for name, field in owner.model_fields.items()] if owner else []
        return SpecError(f"policy: {place}: is not a known key", _nearest(steps[-1], known))
    message = error["msg"].removeprefix("Value error, ")
    where = f"policy: {place}: " if place else "policy: "
    return SpecError(f"{where}{message[:1].lower()}{message[1:]}", "docs/provenance/verify.md has an example")


def _owner(steps: Sequence[str]) -> type[BaseModel] | None:
    """The part of a policy at a place."""
    places: dict[str, Any] = {"reviews": Reviews, "lineage": LineagePolicy}
    match steps:
        case []:
            return Policy
        case ["keys", _]:
            return TrustedKey
        case ["keys", _, "versions"]:
            return Versions
        case ["keys", _, "dates"]:
            return Dates
        case ["roles", _]:
            return RolePolicy
        case [name]:
            return places.get(name)
    return None
