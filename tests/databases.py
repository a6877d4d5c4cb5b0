"""Real databases for the tests: `scripts/services` starts them and says where; a test whose database is absent is
skipped by name."""

from __future__ import annotations

import os
import re
from hashlib import sha1

import pytest
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.exc import OperationalError

from conftest import wait_until

SERVERS = {"postgresql": "SHOAL_TEST_POSTGRESQL", "mysql": "SHOAL_TEST_MYSQL"}


def database(kind: str, name: str) -> str:
    """The URL of an empty database on the server of that kind, of that name and of this working copy."""
    server = os.environ.get(SERVERS[kind])
    if not server:
        pytest.skip(f"no {kind} here: {SERVERS[kind]} is not set; see scripts/services")
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")
    name = re.sub(
        r"\W", "_", f"shoal_{worker}_{name[:20]}_{sha1(f'{__file__} {name}'.encode()).hexdigest()[:8]}"
    ).lower()
    engine = create_engine(server, isolation_level="AUTOCOMMIT")

    def made() -> bool:
        try:
            with engine.connect() as connection:
                drop = f"DROP DATABASE IF EXISTS {name}" + (" WITH (FORCE)" if kind == "postgresql" else "")
                connection.execute(text(drop))
                connection.execute(text(f"CREATE DATABASE {name}"))
        except OperationalError:  # a test beside this one has the server restart
            return False
        return True

    wait_until(made)
    engine.dispose()
    return make_url(server).set(database=name).render_as_string(hide_password=False)
