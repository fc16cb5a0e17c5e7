"""Alembic runs this file by itself, once per command (its own rule: work at import time).

One job: give Alembic the connection and the MetaData that veche.data.migrations put into the configuration.
"""

from alembic import context

attributes = context.config.attributes
context.configure(
    connection=attributes["connection"],
    target_metadata=attributes.get("metadata"),
    transactional_ddl=True,  # SQLite too: veche.data.sqlite.dbapi keeps DDL inside the transaction
    render_as_batch=attributes["connection"].dialect.name == "sqlite",
    compare_type=True,
    render_item=attributes.get("render_item"),
)
with context.begin_transaction():
    context.run_migrations()
