"""What a process of the soak loads once, before its children are made of it."""

import sqlalchemy.dialects.sqlite
import telegram.ext

import tests.soak.life

__all__ = ["sqlalchemy", "telegram", "tests"]
