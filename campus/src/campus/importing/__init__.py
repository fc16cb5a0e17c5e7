"""Reads courses that others wrote: mdBook and Carpentries lesson trees."""

from campus.importing.model import (
    Gap,
    GapReason,
    ImportedAsset,
    ImportedCourse,
    ImportedLesson,
    ImportLimits,
    ImportRefused,
    Notice,
    Progress,
)
from campus.importing.reading import read_course

__all__ = [
    "Gap",
    "GapReason",
    "ImportLimits",
    "ImportRefused",
    "ImportedAsset",
    "ImportedCourse",
    "ImportedLesson",
    "Notice",
    "Progress",
    "read_course",
]
