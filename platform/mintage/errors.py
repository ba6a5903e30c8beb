"""The one tree of errors.

    MintageError
    ├── SpecError                 the job spec is wrong: key, value, combination
    ├── SourceError               the source cannot be read or used
    ├── PluginError               a plugin is missing, broken, or there twice
    ├── FitError                  a generator could not learn from the source
    ├── GenerationError           a model did not make what it was asked for
    │   ├── ConditionError        a condition that the model cannot meet
    │   └── StarvationError       the operators reject (nearly) everything
    ├── ValidationFailedError     more rows broke a rule than its action allows
    ├── GateFailedError           a figure of the report is outside its bounds, or was not computed
    ├── AuditFailedError          a shard that was minted again came out otherwise
    ├── StoreError                an object could not be read or written
    │   ├── ObjectExistsError     an exclusive create lost: the object is there already
    │   ├── ObjectMissingError    the object is not there
    │   └── StoreUnavailableError (retryable) timeouts, throttling, lost connections
    ├── ProvenanceError           a manifest, record, digest or key is wrong
    │   ├── SignatureError        a signature is missing, false, or by an unknown key
    │   └── SigningError          a key does not sign: its service or token is not there
    │       └── UnsignedError     the data set is complete and kept, but was not signed
    ├── ClusterError              (retryable) a worker or the cluster went away
    │   └── UnreachableError      (retryable) nobody answers at an address
    ├── AccessError               somebody answers, and says that we may not
    ├── JobError                  a submitted job is not what the call needs it to be
    │   ├── JobMissingError       there is no such job
    │   ├── JobExistsError        it is there already, and differs
    │   └── JobEndedError         it has ended
    └── CancelledError            the job was told to stop

A message says what happened, with which value; a hint says what to do next. Every class survives
pickling, because Ray carries errors between processes. `retryable` alone decides whether the engine
tries again; `exit_code` is what the command line returns (1 failed, 2 bad input).
"""

from __future__ import annotations

from typing import ClassVar


class MintageError(Exception):
    """Base of all errors that Mintage raises on purpose."""

    retryable: ClassVar[bool] = False
    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message, hint)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n  hint: {self.hint}" if self.hint else self.message


class SpecError(MintageError):
    """The job spec is wrong: a key, a value, or a combination of them."""

    exit_code = 2


class SourceError(MintageError):
    """The source cannot be read, or cannot be used as it is."""

    exit_code = 2


class PluginError(MintageError):
    """A plugin is missing, broken, or registered twice."""

    exit_code = 2


class FitError(MintageError):
    """A generator could not learn from the source."""


class GenerationError(MintageError):
    """A model did not make what it was asked for."""


class ConditionError(GenerationError):
    """A condition that the model cannot meet, such as a value it never saw."""

    exit_code = 2


class StarvationError(GenerationError):
    """The operators reject so much that a shard cannot be filled."""


class ValidationFailedError(MintageError):
    """More rows broke a rule than the rule's action allows."""


class GateFailedError(MintageError):
    """A figure of the report is outside the bounds that the job sets, or was not computed."""


class AuditFailedError(MintageError):
    """A shard that another worker minted again came out less equal than its model claims."""


class StoreError(MintageError):
    """An object could not be read or written."""


class ObjectExistsError(StoreError):
    """An exclusive create found the object there already."""


class ObjectMissingError(StoreError):
    """The object is not there."""


class StoreUnavailableError(StoreError):
    """The store did not answer, or asked to slow down."""

    retryable = True


class ProvenanceError(MintageError):
    """A manifest, a record, a digest or a key is wrong."""


class SignatureError(ProvenanceError):
    """A signature is missing, false, or made by a key that is not trusted."""


class SigningError(ProvenanceError):
    """A key does not sign, as when its service or token is not there."""


class UnsignedError(SigningError):
    """The data set is complete and kept, but was not signed: its state is "unsigned"."""


class ClusterError(MintageError):
    """A worker, a node or the cluster went away."""

    retryable = True


class UnreachableError(ClusterError):
    """Nobody answers at an address: it is wrong, or whoever should be there is away."""


class AccessError(MintageError):
    """Somebody answers, and says that we may not: a token, a certificate or a permission is missing."""

    exit_code = 2


class JobError(MintageError):
    """A submitted job is not what the call needs it to be."""


class JobMissingError(JobError):
    """There is no such job."""

    exit_code = 2


class JobExistsError(JobError):
    """A job of that id is there already, and is not the same."""


class JobEndedError(JobError):
    """The job has ended, so that nothing can be done to it."""


class CancelledError(MintageError):
    """The job was told to stop."""
