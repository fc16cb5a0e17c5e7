"""The structure of a Carpentries lesson: `config.yaml` and `episodes/` (https://carpentries.github.io/sandpaper-docs/).

One job: the order of the episodes, and each episode's front matter. Must not know: what is inside an episode.
"""

from collections.abc import Iterable
from typing import Final

import yaml

from campus.importing.model import ImportRefused
from campus.importing.outline import Entry, LessonHead, Outline, SourceLine
from campus.importing.source import SourceFolder

CONFIG: Final = "config.yaml"
FOLDERS: Final = (("episodes", ""), ("learners", "Learners"))
EPISODE_SUFFIXES: Final = (".md", ".markdown")


def is_carpentries(folder: SourceFolder) -> bool:
    return folder.has(CONFIG)


def read_outline(folder: SourceFolder) -> Outline:
    """Return the outline; raises ImportRefused naming the line of config.yaml."""
    text = folder.text(CONFIG)
    config = _mapping(text, CONFIG, first_line=1)
    entries = [entry for name, part in FOLDERS for entry in _entries(folder, config, text, name, part)]
    if not entries:
        raise ImportRefused("lists no episode, and the folder episodes/ holds none", file=CONFIG)
    return Outline(
        form="carpentries",
        title=_word(config, "title") or folder.name,
        description=_word(config, "description"),
        language=_word(config, "lang") or "en",
        licence=_word(config, "license"),
        authors=(),
        source_url=_word(config, "source") or _word(config, "url"),
        order_file=CONFIG,
        entries=tuple(entries),
        take_head=_take_front_matter,
    )


def _entries(folder: SourceFolder, config: dict[str, object], text: str, key: str, part: str) -> Iterable[Entry]:
    named = config.get(key)
    if named is None:  # left blank: every page of the folder, in the order of the names
        found = folder.names_in(key)
        names = [name for name in found if name.endswith(EPISODE_SUFFIXES)] if key == "episodes" else []
    elif isinstance(named, list) and all(isinstance(name, str) for name in named):
        names = named
    else:
        raise ImportRefused(f"{key} is not a list of file names", file=CONFIG, line=_lines_with(text, f"{key}:")[0])
    seen: set[str] = set()
    for number, name in enumerate(names, start=1):
        line = _lines_with(text, name)[0]
        source = folder.path_from(key, name)
        if source is None:
            raise ImportRefused(f"{name} leads out of the folder", file=CONFIG, line=line)
        if not name.endswith(EPISODE_SUFFIXES):
            raise ImportRefused(f"{name} is not a Markdown file; episodes end in .md", file=CONFIG, line=line)
        if source in seen:
            raise ImportRefused(f"{name} is listed twice", file=CONFIG, line=_lines_with(text, name)[-1])
        seen.add(source)
        title = name.rsplit("/", 1)[-1].rsplit(".", 1)[0].replace("-", " ").capitalize()
        yield Entry(source=source, title=title, level=0, number="" if part else str(number), part=part, line=line)


def _take_front_matter(title: str, source: str, text: str) -> LessonHead:
    """Cut the YAML between the first two `---`; the lists in it become blocks, as newer lessons write them."""
    lines = [SourceLine(line, source, number) for number, line in enumerate(text.split("\n"), start=1)]
    if not lines or lines[0].text.rstrip() != "---":
        return LessonHead(lines=tuple(lines), title=title)
    end = next((index for index, line in enumerate(lines) if index and line.text.rstrip() in {"---", "..."}), None)
    if end is None:
        raise ImportRefused("the front matter is not closed by a line ---", file=source, line=1)
    head = _mapping("\n".join(line.text for line in lines[1:end]), source, first_line=2)
    before = [line for kind in ("questions", "objectives") for line in _block(head, kind, source)]
    after = _block(head, "keypoints", source)
    minutes = [value for key in ("teaching", "exercises") if isinstance(value := head.get(key), int)]
    return LessonHead(
        lines=(*before, *lines[end + 1 :], *after),
        title=_word(head, "title") or title,
        minutes=sum(minutes) if minutes else None,
    )


def _block(head: dict[str, object], kind: str, source: str) -> list[SourceLine]:
    points = head.get(kind)
    if not isinstance(points, list) or not points:
        return []
    texts = ["", f"::: {kind}", "", *(f"- {' '.join(str(point).split())}" for point in points), "", ":::", ""]
    return [SourceLine(text, source, 1) for text in texts]


def _mapping(text: str, file: str, *, first_line: int) -> dict[str, object]:
    try:
        value = yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + first_line if error.problem_mark else None
        raise ImportRefused(f"is not YAML: {error.problem or error.context}", file=file, line=line) from error
    except (yaml.YAMLError, RecursionError, ValueError) as error:  # ValueError: a date such as 2024-99-99
        raise ImportRefused(f"is not YAML: {error}", file=file, line=first_line) from error
    if not isinstance(value, dict):
        raise ImportRefused("is not a mapping of names to values", file=file, line=first_line)
    return value


def _word(mapping: dict[str, object], key: str) -> str:
    value = mapping.get(key)
    return str(value).strip() if isinstance(value, str | int | float) else ""


def _lines_with(text: str, words: str) -> list[int]:
    """The lines that hold the words outside comments, at least one; YAML's plain values do not know their lines."""
    lines = enumerate(text.split("\n"), start=1)
    return [number for number, line in lines if words in line.partition("#")[0]] or [1]
