"""The two engines behind ``schemas.database``: SQLite and PostgreSQL, one file each, one contract."""
