"""The menus of commands that Telegram shows. They are for show: who may do what is checked each time."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING

from bot.delivery.transports import on_telegram

if TYPE_CHECKING:
    from telegram import Bot, BotCommandScope

log = logging.getLogger("figurewatch.commands")


async def show_menus(
    bot: Bot,
    commands: Mapping[str, str],
    admins: Mapping[str, str] | None = None,
    special: Mapping[str, Mapping[str, str]] | None = None,
) -> None:
    """Show every chat these commands, each with what it does; best effort.

    `admins` are shown more, as everybody is in a private chat; `special` are chats with more than these: by
    id, the others that are shown there too.
    """
    from telegram import (
        BotCommandScopeAllChatAdministrators,
        BotCommandScopeAllGroupChats,
        BotCommandScopeAllPrivateChats,
        BotCommandScopeChat,
        BotCommandScopeDefault,
    )

    every = {**commands, **(admins or {})}
    everywhere: list[tuple[BotCommandScope, dict[str, str]]] = [
        (BotCommandScopeDefault(), dict(commands)),
        (BotCommandScopeAllGroupChats(), dict(commands)),
        (BotCommandScopeAllPrivateChats(), every),
        (BotCommandScopeAllChatAdministrators(), every),
    ]
    for scope, shown in everywhere:
        await _show(bot, shown, scope)
    for chat, more in (special or {}).items():
        if on_telegram(chat):
            await _show(bot, {**commands, **more}, BotCommandScopeChat(int(chat)))


async def _show(bot: Bot, commands: Mapping[str, str], scope: BotCommandScope) -> None:
    from telegram.error import TelegramError

    try:
        await bot.set_my_commands(list(commands.items()), scope)
    except TelegramError as error:
        log.warning("the menu of commands could not be shown: %s", type(error).__name__)
