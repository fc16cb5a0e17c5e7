"""The sample content that the first start loads."""

from campus.sample.loading import sample_content
from campus.sample.model import (
    SampleCategory,
    SampleContent,
    SampleCourse,
    SampleMessage,
    SamplePerson,
    SampleRole,
    SampleThread,
)

__all__ = [
    "SampleCategory",
    "SampleContent",
    "SampleCourse",
    "SampleMessage",
    "SamplePerson",
    "SampleRole",
    "SampleThread",
    "sample_content",
]
