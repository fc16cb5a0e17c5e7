"""The words that the renderer itself writes, in the language of the text (not of the reader).

One job: the two tables. Must not know: HTML.
"""

from collections.abc import Mapping
from typing import Final

ENGLISH: Final[Mapping[str, str]] = {
    "callout": "Note",
    "caution": "Careful",
    "challenge": "Exercise",
    "checklist": "Checklist",
    "discussion": "To discuss",
    "exercise": "Exercise",
    "hint": "Hint",
    "important": "Important",
    "instructor": "For the teacher",
    "keypoints": "Key points",
    "note": "Note",
    "objectives": "What you will learn",
    "prereq": "Before you start",
    "questions": "Questions",
    "solution": "Solution",
    "spoiler": "Show",
    "testimonial": "Somebody said",
    "tip": "Tip",
    "warning": "Warning",
    "does_not_compile": "This code does not compile.",
    "panics": "This code panics.",
    "not_desired_behavior": "This code does not do what was wanted.",
    "done": "done",
    "not_done": "not done",
    "missing": "Missing in the source: {target}",
    "missing_here": "Missing in the source: {target} (line {line} of `{file}`).",
    "missing_links": "This lesson refers to what could not be taken over:",
    "line": "line {lines}",
    "lines": "lines {lines}",
    "missing_section": "The section “{target}” is missing in the source; this link leads to the top of the lesson",
    "missing_picture": "Missing picture: {target}",
    "picture": "picture",
}

RUSSIAN: Final[Mapping[str, str]] = {
    "callout": "На заметку",
    "caution": "Осторожно",
    "challenge": "Упражнение",
    "checklist": "Список для проверки",
    "discussion": "Обсудите",
    "exercise": "Упражнение",
    "hint": "Подсказка",
    "important": "Важно",
    "instructor": "Преподавателю",
    "keypoints": "Главное",
    "note": "Заметка",
    "objectives": "Чему вы научитесь",
    "prereq": "Прежде чем начать",
    "questions": "Вопросы",
    "solution": "Решение",
    "spoiler": "Показать",
    "testimonial": "Отзыв",
    "tip": "Совет",
    "warning": "Внимание",
    "does_not_compile": "Этот код не компилируется.",
    "panics": "Этот код вызывает панику.",
    "not_desired_behavior": "Этот код делает не то, что задумано.",
    "done": "сделано",
    "not_done": "не сделано",
    "missing": "В исходном тексте нет: {target}",
    "missing_here": "В исходном тексте нет: {target} (строка {line} файла `{file}`).",
    "missing_links": "Этот урок ссылается на то, что не удалось перенести:",
    "line": "строка {lines}",
    "lines": "строки {lines}",
    "missing_section": "Раздела «{target}» в исходном тексте нет; ссылка ведёт к началу урока",
    "missing_picture": "Нет картинки: {target}",
    "picture": "картинка",
}


def labels_for(language: str) -> Mapping[str, str]:
    """The table for a language tag such as "ru" or "ru-RU"; English for any that we do not have."""
    return RUSSIAN if language.partition("-")[0].lower() == "ru" else ENGLISH
