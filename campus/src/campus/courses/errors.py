"""What a use case of courses refuses. Pages and the API answer 403 and 409; what is not there is data's NotFound."""

from veche.resources import Conflict, NotAllowed


class CoursesError(Exception):
    """The base of every error of this feature."""


class NotPermitted(CoursesError, NotAllowed):
    """The member's role does not allow this, or they do not teach this course."""


class NotEnrolled(CoursesError, Conflict):
    """Only those who take part in a course mark its lessons as done."""
