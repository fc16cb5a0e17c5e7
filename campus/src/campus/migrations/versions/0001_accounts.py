"""Accounts, communities and who belongs to one."""

import sqlalchemy as sa
from alembic import op

revision = "0001_accounts"
down_revision = None
branch_labels = None
depends_on = None

MOMENT = sa.TIMESTAMP(timezone=True).with_variant(sa.Text(), "sqlite")


def upgrade() -> None:
    """Make the change."""
    op.create_table(
        "account",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("canonical_name", sa.Text(), nullable=False),
        sa.Column("skeleton", sa.Text(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=True),
        sa.CheckConstraint("length(name) <= 40", name="ck_account_name_length"),
        sa.PrimaryKeyConstraint("id", name="pk_account"),
        sa.UniqueConstraint("canonical_name", name="uq_account_canonical_name"),
        sa.UniqueConstraint("skeleton", name="uq_account_skeleton"),
    )
    op.create_table(
        "community",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("registration", sa.Text(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.CheckConstraint("registration IN ('open', 'invitation', 'closed')", name="ck_community_registration_choice"),
        sa.CheckConstraint("length(name) >= 1 AND length(name) <= 120", name="ck_community_name_length"),
        sa.PrimaryKeyConstraint("id", name="pk_community"),
    )
    op.create_table(
        "login_throttle",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("free_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("length(key) <= 64", name="ck_login_throttle_key_length"),
        sa.PrimaryKeyConstraint("key", name="pk_login_throttle"),
    )
    op.create_table(
        "membership",
        sa.Column("community_id", sa.BigInteger(), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("account_name", sa.Text(), nullable=False),
        sa.Column("first_name", sa.Text(), nullable=False),
        sa.Column("last_name", sa.Text(), nullable=False),
        sa.Column("searched_name", sa.Text(), nullable=False),
        sa.Column("joined_at", MOMENT, nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("about", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=True),
        sa.Column("suspended_at", MOMENT, nullable=True),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("language IN ('en', 'ru')", name="ck_membership_language_choice"),
        sa.CheckConstraint(
            "role IN ('member', 'teacher', 'moderator', 'administrator')", name="ck_membership_role_choice"
        ),
        sa.CheckConstraint("length(about) <= 4000", name="ck_membership_about_length"),
        sa.CheckConstraint("length(account_name) <= 40", name="ck_membership_account_name_length"),
        sa.CheckConstraint(
            "length(first_name) >= 1 AND length(first_name) <= 80", name="ck_membership_first_name_length"
        ),
        sa.CheckConstraint("length(last_name) <= 80", name="ck_membership_last_name_length"),
        sa.ForeignKeyConstraint(
            ["community_id"], ["community.id"], name="fk_membership_community_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("community_id", "account_id", name="pk_membership"),
    )
    op.create_index("ix_membership_searched_name", "membership", ["community_id", "searched_name", "account_id"])
    op.create_table(
        "one_time_link",
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.Column("uses_left", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=True),
        sa.Column("tenant_id", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("length(digest) <= 64", name="ck_one_time_link_digest_length"),
        sa.CheckConstraint("length(purpose) <= 40", name="ck_one_time_link_purpose_length"),
        sa.CheckConstraint("uses_left >= 0", name="ck_one_time_link_uses_left_range"),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="fk_one_time_link_account_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_one_time_link"),
        sa.UniqueConstraint("digest", name="uq_one_time_link_digest"),
    )
    op.create_index("ix_one_time_link_account_id", "one_time_link", ["account_id"])
    op.create_table(
        "personal_token",
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("last_used_at", MOMENT, nullable=True),
        sa.CheckConstraint("length(digest) <= 64", name="ck_personal_token_digest_length"),
        sa.CheckConstraint("length(name) <= 80", name="ck_personal_token_name_length"),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name="fk_personal_token_account_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_personal_token"),
        sa.UniqueConstraint("digest", name="uq_personal_token_digest"),
    )
    op.create_index("ix_personal_token_account_id", "personal_token", ["account_id"])
    op.create_table(
        "session",
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("last_seen_at", MOMENT, nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.Column("user_agent", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("length(address) <= 60", name="ck_session_address_length"),
        sa.CheckConstraint("length(digest) <= 64", name="ck_session_digest_length"),
        sa.CheckConstraint("length(user_agent) <= 200", name="ck_session_user_agent_length"),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="fk_session_account_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_session"),
        sa.UniqueConstraint("digest", name="uq_session_digest"),
    )
    op.create_index("ix_session_account_id", "session", ["account_id"])


def downgrade() -> None:
    """Take it back."""
    op.drop_table("session")
    op.drop_table("personal_token")
    op.drop_table("one_time_link")
    op.drop_table("membership")
    op.drop_table("login_throttle")
    op.drop_table("community")
    op.drop_table("account")
