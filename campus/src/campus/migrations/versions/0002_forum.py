"""The forum: categories, threads, messages, and what each member has read."""

import sqlalchemy as sa
from alembic import op

revision = "0002_forum"
down_revision = "0001_accounts"
branch_labels = None
depends_on = None

MOMENT = sa.TIMESTAMP(timezone=True).with_variant(sa.Text(), "sqlite")


def upgrade() -> None:
    """Make the change."""
    op.create_table(
        "category",
        sa.Column("community_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=True),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("thread_count", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("language IN ('en', 'ru')", name="ck_category_language_choice"),
        sa.CheckConstraint("length(description) <= 400", name="ck_category_description_length"),
        sa.CheckConstraint("length(slug) >= 1 AND length(slug) <= 60", name="ck_category_slug_length"),
        sa.CheckConstraint("length(title) >= 1 AND length(title) <= 120", name="ck_category_title_length"),
        sa.ForeignKeyConstraint(
            ["community_id"], ["community.id"], name="fk_category_community_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("community_id", "id", name="pk_category"),
        sa.UniqueConstraint("community_id", "slug", name="uq_category_community_id_slug"),
    )
    op.create_table(
        "thread_counter",
        sa.Column("community_id", sa.BigInteger(), nullable=False),
        sa.Column("last_number", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["community_id"], ["community.id"], name="fk_thread_counter_community_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("community_id", name="pk_thread_counter"),
    )
    op.create_table(
        "thread",
        sa.Column("community_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("category_id", sa.BigInteger(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("author_id", sa.BigInteger(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("last_message_at", MOMENT, nullable=False),
        sa.Column("subject", sa.Text(), nullable=True),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("last_number", sa.BigInteger(), nullable=False),
        sa.Column("message_count", sa.BigInteger(), nullable=False),
        sa.Column("locked", sa.Boolean(), nullable=False),
        sa.Column("pinned", sa.Boolean(), nullable=False),
        sa.Column("hidden", sa.Boolean(), nullable=False),
        sa.CheckConstraint("length(subject) <= 60", name="ck_thread_subject_length"),
        sa.CheckConstraint("length(title) >= 1 AND length(title) <= 120", name="ck_thread_title_length"),
        sa.ForeignKeyConstraint(
            ["community_id", "author_id"],
            ["membership.community_id", "membership.account_id"],
            name="fk_thread_community_id_author_id",
        ),
        sa.ForeignKeyConstraint(
            ["community_id", "category_id"],
            ["category.community_id", "category.id"],
            name="fk_thread_community_id_category_id",
        ),
        sa.PrimaryKeyConstraint("community_id", "id", name="pk_thread"),
        sa.UniqueConstraint("community_id", "number", name="uq_thread_community_id_number"),
        sa.UniqueConstraint("community_id", "subject", name="uq_thread_community_id_subject"),
    )
    op.create_index("ix_thread_author", "thread", ["community_id", "author_id", "id"])
    op.create_index(
        "ix_thread_listed", "thread", ["community_id", "category_id", "pinned", "last_message_at", "number"]
    )
    op.create_index("ix_thread_newest", "thread", ["community_id", "pinned", "last_message_at", "number"])

    op.create_table(
        "message",
        sa.Column("community_id", sa.BigInteger(), nullable=False),
        sa.Column("thread_id", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("author_id", sa.BigInteger(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("edited_at", MOMENT, nullable=True),
        sa.Column("removed_at", MOMENT, nullable=True),
        sa.Column("removed_by", sa.BigInteger(), nullable=True),
        sa.Column("hidden", sa.Boolean(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("length(text) <= 20000", name="ck_message_text_length"),
        sa.CheckConstraint("number >= 1", name="ck_message_number"),
        sa.ForeignKeyConstraint(
            ["community_id", "author_id"],
            ["membership.community_id", "membership.account_id"],
            name="fk_message_community_id_author_id",
        ),
        sa.ForeignKeyConstraint(
            ["community_id", "thread_id"],
            ["thread.community_id", "thread.id"],
            name="fk_message_community_id_thread_id",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("community_id", "thread_id", "number", name="pk_message"),
        sa.UniqueConstraint("community_id", "id", name="uq_message_community_id_id"),
    )
    op.create_index("ix_message_author", "message", ["community_id", "author_id", "id"])

    op.create_table(
        "read_mark",
        sa.Column("community_id", sa.BigInteger(), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("thread_id", sa.BigInteger(), nullable=False),
        sa.Column("last_number", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["community_id", "thread_id"],
            ["thread.community_id", "thread.id"],
            name="fk_read_mark_community_id_thread_id",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("community_id", "account_id", "thread_id", name="pk_read_mark"),
    )


def downgrade() -> None:
    """Take it back."""
    op.drop_table("read_mark")

    op.drop_table("message")

    op.drop_table("thread")
    op.drop_table("thread_counter")
    op.drop_table("category")
