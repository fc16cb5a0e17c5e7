"""The categories and threads of the sample content, written at the first start.

One job: write all of it in one transaction, or none. Must not know: lessons.
A thread beside a lesson gets the subject "sample:COURSE/FILE"; whoever knows the lessons gives it their word for it.
"""

from datetime import UTC, datetime, timedelta
from typing import Final

from campus.accounts.queries import find_account_by_name
from campus.forum.actions import next_number
from campus.forum.model import Category, Message, Thread
from campus.model import DEFAULT_COMMUNITY_ID
from campus.parts import Parts
from campus.sample import SampleContent, SampleThread, sample_content
from veche.data import Unit, find, new_id

LONG_ENOUGH_SECONDS: Final = 20.0


async def load_threads(parts: Parts) -> None:
    """Write the sample's categories and threads, unless they are there."""
    content = sample_content()
    first = content.categories[0].slug
    if await find(parts.units.reader, Category, community_id=DEFAULT_COMMUNITY_ID, slug=first) is not None:
        return
    now = datetime.now(UTC)
    async with parts.units.begin(deadline_seconds=LONG_ENOUGH_SECONDS) as unit:
        categories = await _write_categories(unit, content)
        accounts: dict[str, int] = {}
        for person in content.people:
            account = await find_account_by_name(unit, person.account_name)
            assert account is not None, "accounts load their sample before the forum does"
            accounts[person.account_name] = account.id
        for thread in content.threads:
            await _write_thread(unit, thread, categories[thread.category], accounts, now)
        await unit.commit()


def sample_subject(course: str, lesson: str) -> str:
    """Return the subject of a sample thread until somebody knows the lesson's own."""
    return f"sample:{course}/{lesson}"


async def _write_categories(unit: Unit, content: SampleContent) -> dict[str, int]:
    ids: dict[str, int] = {}
    for position, one in enumerate(content.categories):
        ids[one.slug] = new_id()
        await unit.insert(
            Category(
                community_id=DEFAULT_COMMUNITY_ID,
                id=ids[one.slug],
                slug=one.slug,
                title=one.title,
                description=one.description,
                language="ru" if one.language == "ru" else "en",
                position=position,
                thread_count=sum(thread.category == one.slug for thread in content.threads),
                revision=1,
            )
        )
    return ids


async def _write_thread(
    unit: Unit, sample: SampleThread, category_id: int, accounts: dict[str, int], now: datetime
) -> None:
    moments = [now - timedelta(minutes=one.age_minutes) for one in sample.messages]
    count = len(moments)
    thread = Thread(
        community_id=DEFAULT_COMMUNITY_ID,
        id=new_id(),
        number=await next_number(unit, DEFAULT_COMMUNITY_ID),
        category_id=category_id,
        subject=sample_subject(sample.course, sample.lesson) if sample.lesson else None,
        title=sample.title,
        author_id=accounts[sample.messages[0].author],
        created_at=moments[0],
        revision=count,
        last_number=count,
        message_count=count,
        last_message_at=moments[-1],
        locked=sample.locked,
        pinned=sample.pinned,
    )
    await unit.insert(thread)
    for number, (one, moment) in enumerate(zip(sample.messages, moments, strict=True), start=1):
        await unit.insert(
            Message(
                community_id=DEFAULT_COMMUNITY_ID,
                thread_id=thread.id,
                number=number,
                id=new_id(),
                author_id=accounts[one.author],
                text=one.text,
                created_at=moment,
                revision=number,
            )
        )
