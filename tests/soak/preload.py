"""What a process of the soak loads once, before its children are made of it."""

import sqlalchemy.dialects.sqlite
import telegram.ext

import bot.analysis
import bot.rules.digest
import bot.rules.month
import tests.soak.life

__all__ = ["bot", "sqlalchemy", "telegram", "tests"]
