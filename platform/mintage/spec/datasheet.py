"""What people should know of a data set, in the words of those who make it. It changes no row.

It goes into croissant.json and the data card, which are signed with the version.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from mintage.spec._base import SpecModel, Uri
from mintage.spec._problems import problem


def _check_text(text: str) -> str:
    if not all(character.isprintable() or character in "\n\t" for character in text):
        raise problem("holds control characters", todo="write plain text")
    return text


_Line = Annotated[
    str, Field(min_length=1, max_length=300, pattern=r"^[^\n\t]*$"), AfterValidator(_check_text)
]
_Prose = Annotated[str, Field(min_length=1, max_length=10_000), AfterValidator(_check_text)]
_Date = Annotated[str, Field(pattern=r"^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$")]


class CreatorSpec(SpecModel):
    """Who made the data set, or publishes it."""

    name: _Line = Field(description="Name of a person or an organisation.")
    kind: Literal["person", "organization"] = Field(
        default="organization", description="What the name is of: person, organization."
    )
    url: Uri | None = Field(default=None, description="Where more is to be found.")


class DatasheetSpec(SpecModel):
    """What people should know of the data set; all of it may be left out, and none of it is made up."""

    title: _Line | None = Field(default=None, description="Title; the job's name when it is left out.")
    description: _Prose | None = Field(default=None, description="What the data set is.")
    license: Uri | None = Field(
        default=None, description="URL of the licence, such as https://spdx.org/licenses/CC-BY-4.0.html."
    )
    url: Uri | None = Field(default=None, description="The page of the data set.")
    creators: tuple[CreatorSpec, ...] = Field(default=(), max_length=100, description="Who made it.")
    publisher: CreatorSpec | None = Field(default=None, description="Who publishes it.")
    citation: _Prose | None = Field(default=None, description="How to cite it, BibTeX if possible.")
    keywords: tuple[_Line, ...] = Field(default=(), max_length=100, description="Words to find it by.")
    published: _Date | None = Field(
        default=None, description="Day of publication (YYYY-MM-DD); the day when the last shard was made."
    )
    intended_use: tuple[_Prose, ...] = Field(default=(), max_length=100, description="What it is good for.")
    limitations: tuple[_Prose, ...] = Field(
        default=(), max_length=100, description="What it is not good for, and what is missing in it."
    )
    biases: tuple[_Prose, ...] = Field(default=(), max_length=100, description="Biases that are known.")
    personal_information: _Prose | None = Field(
        default=None, description="What personal or sensitive information its source held."
    )
    maintenance: _Prose | None = Field(default=None, description="How and for how long it is looked after.")
