"""What `alembic init` makes, without what this project does not use; modeld's tables are not its."""
from alembic import context
from sqlalchemy import engine_from_config, pool
from sqlmodel import SQLModel

import models  # noqa: F401

config = context.config
connectable = engine_from_config(config.get_section(config.config_ini_section), prefix="sqlalchemy.",
                                 poolclass=pool.NullPool)
with connectable.connect() as connection:
    context.configure(connection=connection, target_metadata=SQLModel.metadata,
                      render_as_batch=connection.dialect.name == "sqlite",
                      include_name=lambda name, kind, _: not (name or "").startswith("_modeld_"))
    with context.begin_transaction():
        context.run_migrations()
