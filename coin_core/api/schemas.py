"""What the API answers, as the OpenAPI document describes it."""

from __future__ import annotations

from pydantic import BaseModel, Field


class Problem(BaseModel):
    """An error, as RFC 9457 describes it."""

    type: str = "about:blank"
    title: str
    status: int = Field(ge=400, le=599)
    detail: str = Field(description="What is wrong and what to do, in a sentence.")
    request_id: str | None = Field(
        default=None, description="Names the request in the log."
    )


class Box(BaseModel):
    """A box in fractions of the picture, turned by so many degrees."""

    left: float
    top: float
    right: float
    bottom: float
    turn_deg: float = 0.0


class Face(BaseModel):
    """A side of a coin that was found in the photo."""

    box: Box
    side: str


class Letter(BaseModel):
    """A letter that the network read, in the upright view of the legend."""

    letter: str
    box: Box
    probability: float
    line: int = Field(description="Counts from the top, from 0.")
    place: int = Field(description="Counts from the right, from 0.")


class Verdict(BaseModel):
    """One classifier's verdict; the fields of `classify --json` and what was asked."""

    photo: str = Field(description="The file name that was sent.")
    classifier: str
    ruler: str | None
    reason: str | None = Field(description="Why no ruler is named.")
    probabilities: dict[str, float]
    faces: list[Face]
    face: int | None = Field(
        default=None, description="Which of the faces was classified, from 0."
    )
    seconds: float = Field(description="The classifier's own time.")
    origin: str = Field(description='Whether the model is "shipped" or "own".')
    model: str = Field(description="The digest of the weights that made the verdict.")
    letters: list[Letter] = Field(default=[], description="Only with letters=true.")
    heat_map: str | None = Field(
        default=None,
        description="Only with heat_map=true: a grey PNG in base64, 160 × 160, over "
        "the face that was classified; white is what the verdict rests on.",
    )


class PhotoAnswer(BaseModel):
    """One photo's verdicts, or the reason that there are none."""

    photo: str
    verdicts: list[Verdict]
    problem: Problem | None


class Answer(BaseModel):
    """One entry for each photo, in the order in which they were sent."""

    request_id: str
    photos: list[PhotoAnswer]


class Classifier(BaseModel):
    """What `classifier` may name."""

    name: str
    title: str
    classes: list[str]
    model: str = Field(description="The digest of its weights.")
    default: bool


class Status(BaseModel):
    """Whether the server works."""

    status: str


class Model(BaseModel):
    """An installed bundle."""

    name: str
    classifier: str
    title: str
    model: str = Field(description="The digest of its weights.")
    origin: str = Field(description='"shipped" or "own".')
    created: str
    active: bool = Field(description="Whether it answers where no classifier is named.")


class Models(BaseModel):
    """The installed bundles, and sentences on those that cannot be used."""

    models: list[Model]
    problems: list[str]
