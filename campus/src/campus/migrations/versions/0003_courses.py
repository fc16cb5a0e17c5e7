"""Courses, lessons, enrolment and progress."""

import sqlalchemy as sa
from alembic import op

revision = "0003_courses"
down_revision = "0002_forum"
branch_labels = None
depends_on = None


MOMENT = sa.TIMESTAMP(timezone=True).with_variant(sa.Text(), "sqlite")


def upgrade() -> None:
    """Make the change."""
    op.create_table(
        "course",
        sa.Column("community_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("summary", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=True),
        sa.Column("attribution", sa.Text(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("state IN ('draft', 'published')", name="ck_course_state_choice"),
        sa.CheckConstraint("length(attribution) <= 60000", name="ck_course_attribution_length"),
        sa.CheckConstraint("length(language) >= 2 AND length(language) <= 35", name="ck_course_language_length"),
        sa.CheckConstraint("length(slug) >= 1 AND length(slug) <= 80", name="ck_course_slug_length"),
        sa.CheckConstraint("length(source) <= 200", name="ck_course_source_length"),
        sa.CheckConstraint("length(summary) <= 2000", name="ck_course_summary_length"),
        sa.CheckConstraint("length(title) >= 1 AND length(title) <= 200", name="ck_course_title_length"),
        sa.ForeignKeyConstraint(["community_id"], ["community.id"], name="fk_course_community_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("community_id", "id", name="pk_course"),
        sa.UniqueConstraint("community_id", "slug", name="uq_course_community_id_slug"),
        sa.UniqueConstraint("community_id", "source", name="uq_course_community_id_source"),
    )
    op.create_index("ix_course_listed", "course", ["community_id", "state", "position", "id"])
    op.create_table(
        "asset",
        sa.Column("community_id", sa.BigInteger(), nullable=False),
        sa.Column("course_id", sa.BigInteger(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("octets", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("length(digest) <= 64", name="ck_asset_digest_length"),
        sa.CheckConstraint("length(media_type) <= 100", name="ck_asset_media_type_length"),
        sa.CheckConstraint("length(path) <= 400", name="ck_asset_path_length"),
        sa.ForeignKeyConstraint(
            ["community_id", "course_id"],
            ["course.community_id", "course.id"],
            name="fk_asset_community_id_course_id",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("community_id", "course_id", "path", name="pk_asset"),
    )
    op.create_table(
        "course_teacher",
        sa.Column("community_id", sa.BigInteger(), nullable=False),
        sa.Column("course_id", sa.BigInteger(), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["community_id", "course_id"],
            ["course.community_id", "course.id"],
            name="fk_course_teacher_community_id_course_id",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("community_id", "course_id", "account_id", name="pk_course_teacher"),
    )
    op.create_index("ix_course_teacher_account", "course_teacher", ["community_id", "account_id", "course_id"])
    op.create_table(
        "enrolment",
        sa.Column("community_id", sa.BigInteger(), nullable=False),
        sa.Column("course_id", sa.BigInteger(), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("enrolled_at", MOMENT, nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("left_at", MOMENT, nullable=True),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("state IN ('enrolled', 'left')", name="ck_enrolment_state_choice"),
        sa.ForeignKeyConstraint(
            ["community_id", "course_id"],
            ["course.community_id", "course.id"],
            name="fk_enrolment_community_id_course_id",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("community_id", "course_id", "account_id", name="pk_enrolment"),
    )
    op.create_index("ix_enrolment_account", "enrolment", ["community_id", "account_id", "course_id"])
    op.create_table(
        "gap",
        sa.Column("community_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("course_id", sa.BigInteger(), nullable=False),
        sa.Column("file", sa.Text(), nullable=False),
        sa.Column("line", sa.BigInteger(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("lesson_id", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("length(file) <= 400", name="ck_gap_file_length"),
        sa.CheckConstraint("length(reason) <= 40", name="ck_gap_reason_length"),
        sa.CheckConstraint("length(what) <= 2000", name="ck_gap_what_length"),
        sa.ForeignKeyConstraint(
            ["community_id", "course_id"],
            ["course.community_id", "course.id"],
            name="fk_gap_community_id_course_id",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("community_id", "id", name="pk_gap"),
    )
    op.create_index("ix_gap_course", "gap", ["community_id", "course_id", "id"])
    op.create_table(
        "lesson",
        sa.Column("community_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("course_id", sa.BigInteger(), nullable=False),
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("level", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("part_title", sa.Text(), nullable=False),
        sa.Column("source_path", sa.Text(), nullable=True),
        sa.Column("minutes", sa.BigInteger(), nullable=True),
        sa.Column("written", sa.Boolean(), nullable=False),
        sa.Column("archived", sa.Boolean(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("length(number) <= 40", name="ck_lesson_number_length"),
        sa.CheckConstraint("length(part_title) <= 200", name="ck_lesson_part_title_length"),
        sa.CheckConstraint("length(slug) >= 1 AND length(slug) <= 80", name="ck_lesson_slug_length"),
        sa.CheckConstraint("length(source_path) <= 400", name="ck_lesson_source_path_length"),
        sa.CheckConstraint("length(text) <= 2000000", name="ck_lesson_text_length"),
        sa.CheckConstraint("length(title) >= 1 AND length(title) <= 200", name="ck_lesson_title_length"),
        sa.CheckConstraint("level >= 0", name="ck_lesson_level"),
        sa.ForeignKeyConstraint(
            ["community_id", "course_id"],
            ["course.community_id", "course.id"],
            name="fk_lesson_community_id_course_id",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("community_id", "id", name="pk_lesson"),
        sa.UniqueConstraint("community_id", "course_id", "slug", name="uq_lesson_community_id_course_id_slug"),
        sa.UniqueConstraint(
            "community_id", "course_id", "source_path", name="uq_lesson_community_id_course_id_source_path"
        ),
    )
    op.create_index("ix_lesson_order", "lesson", ["community_id", "course_id", "position", "id"])
    op.create_table(
        "lesson_done",
        sa.Column("community_id", sa.BigInteger(), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("lesson_id", sa.BigInteger(), nullable=False),
        sa.Column("done_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["community_id", "lesson_id"],
            ["lesson.community_id", "lesson.id"],
            name="fk_lesson_done_community_id_lesson_id",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("community_id", "account_id", "lesson_id", name="pk_lesson_done"),
    )
    op.create_index("ix_lesson_done_lesson", "lesson_done", ["community_id", "lesson_id"])


def downgrade() -> None:
    """Take it back."""
    op.drop_table("lesson_done")
    op.drop_table("lesson")
    op.drop_table("gap")
    op.drop_table("enrolment")
    op.drop_table("course_teacher")
    op.drop_table("asset")
    op.drop_table("course")
