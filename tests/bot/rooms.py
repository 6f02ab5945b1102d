"""Each kind of chat, and what people may write and press there, with how what they then see begins."""

from __future__ import annotations

from typing import Literal, NamedTuple

from tests.bot.desk import ADMIN
from tests.fakes.bot_api import Kind

# By name: its id, its kind, and the topic in it.
ROOMS: dict[str, tuple[int, Kind, int | None]] = {
    "a private chat": (ADMIN, "private", None),
    "a group": (-2001, "group", None),
    "a supergroup": (-2003, "supergroup", None),
    "a topic": (-2004, "supergroup", 7),
}
ADMINS_ONLY = "Only admins of this chat can do that."
OPERATORS_ONLY = "Only the operators of this bot can do that."

# By command, in the order in which they are written: the words after it, and how the answer begins.
ASKED = {
    "start": ("", "This is Figurewatch, for: A review"),
    "help": ("", "Ask for any figure and any place: /figure drop-out Kent"),
    "figure": ("drop-out Kent", 'Treated once only ("access attrition"), NHS KENT AND MEDWAY ICB - 91Q: 40%'),
    "compare": ("wait Kent", "Median wait for treatment, in days: NHS KENT AND MEDWAY ICB - 91Q and England"),
    "petition": ("", "✍️ 634 signatures"),
    "latest": ("", "Newest"),
    "next": ("", "Coming releases"),
    "status": ("", "All is well"),
    "claims": ("", "Our claims beside the newest figures"),
    "history": ("", "Told lately"),
    "why": ("1", "#A1 📊"),
    "measures": ("", "What you can ask for"),
    "export": ("recovery", "Recovery, England: 30 rows"),
    "ack": ("A1", "✔️ A1 is marked as handled."),
    "privacy": ("", "What this bot keeps"),
    "unsubscribe": ("", "🚫 Nothing is posted here any more."),
    "settings": ("", "What is posted here\nNothing: /subscribe changes that."),
    "subscribe": ("Devon", "🔔 You now follow NHS DEVON ICB - 15N."),
    "mute": ("2h", "🤫 Silent until"),
    "unmute": ("", "🔔 No longer silent."),
    "quiet": ("22:00-07:00", "🌙 Quiet from 22:00 to 07:00"),
    "digest": ("daily 08:30", "🗞 All but what is critical comes in one message, daily at 08:30."),
    "test": ("", "🧪 Samples: these figures are not real"),
    "outbox": ("", "Outbox: "),
    "resend": ("A1", "Nothing of A1 is to be sent once more."),
    "drop": ("A9", "Nothing of A9 waits."),
    "pause": ("parliament_petition:5", "⏸ UK Parliament petition 5 is not looked at until /resume."),
    "resume": ("parliament_petition:5", "▶️ UK Parliament petition 5 is looked at again."),
    "release": ("H1", "nothing was held as H1"),
    "reject": ("H1", "nothing was held as H1"),
    "version": ("", "Figurewatch "),
}


class Press(NamedTuple):
    """A press of a button: how its message begins or which command brings it, and how what then comes begins.

    That is an answer, a picture's caption, what now stands in the message's place, or is said in passing.
    """

    under: str
    label: str
    brings: str
    how: Literal["answer", "picture", "in place", "in passing"] = "answer"


# Whether the team may be told what was found.
QUESTIONS = (
    Press("✋ May the team be told A1?", "No", "🚫 A1 is dropped: an admin said no", "in place"),
    Press("✋ May the team be told A3?", "Yes, tell them", "✔️ A3 is told: an admin said yes", "in place"),
    Press("✋ May the team be told A5?", "Yes, tell them", "✔️ A5 is told: an admin said yes", "in place"),
    Press("✋ May the team be told A7?", "Yes, tell them", "✔️ A7 is told: an admin said yes", "in place"),
)
# All others, in the order in which they are pressed.
PRESSES = (
    Press("📊 NHS Talking Therapies", "Why", "#A5 📊"),
    Press("📊 NHS Talking Therapies", "Quote", "Which figure do you want to quote?"),
    Press("Which figure do you want to quote?", "Recovery", "Recovery, England: 50.0% in March 2026\nSafe"),
    Press("📊 NHS Talking Therapies", "Chart", "NHS Talking Therapies, monthly, England: March", "picture"),
    Press("📈 Treated once only", "Why", "#A7 📈"),
    Press("📈 Treated once only", "Quote", 'Treated once only ("access attrition"), NHS KENT AND MEDWAY'),
    Press("📈 Treated once only", "Chart", 'Treated once only ("access attrition"), NHS KENT', "picture"),
    Press("✍️ 634 signatures – past 600", "Why", "#A3 ✍️"),
    Press("✍️ 634 signatures – past 600", "Quote", "UK Parliament petition 5: 634 on 14 May 2026"),
    Press("✍️ 634 signatures – past 600", "Chart", "Line chart. UK Parliament petition 5", "picture"),
    Press("/figure drop-out", "Chart", 'Treated once only ("access attrition"), England', "picture"),
    Press("/figure drop-out", "How it is made", 'Treated once only ("access attrition"), England: 40.2%'),
    Press("/figure drop-out", "Quote", 'Treated once only ("access attrition"), England: 40.2%'),
    Press("/figure drop-out", "Ended before treatment", "Ended before treatment, England: 36.6%", "in place"),
    Press("/figure Kent", "Recovery", "Recovery, NHS KENT AND MEDWAY ICB - 91Q: 50%", "in place"),
    Press("/help", "How things stand", "All is well"),
    Press("All is well", "Refresh", "All is well", "in place"),
    Press("/help", "Newest", "Newest"),
    Press("/help", "Petition", "Line chart. UK Parliament petition 5", "picture"),
    Press("✍️ 634 signatures\n", "UK Parliament petition 6", "No signature has been counted yet."),
    Press("/help", "Coming releases", "Coming releases"),
    Press("/help", "Our claims", "Our claims beside the newest figures"),
    Press("/help", "What to ask for", "What you can ask for"),
    Press("/subscribe Kent", "NHS KENT AND MEDWAY ICB - 91Q", "🔔 You now follow NHS KENT", "in place"),
    Press("/settings", "Sources", "By source", "in place"),
    Press("/settings", "🔔 UK Parliament petition 5", "🔕 UK Parliament petition 5", "in place"),
    Press("/settings", "Back", "What is posted here", "in place"),
    Press("/settings", "Places", "By place.", "in place"),
    Press("/settings", "🚫 All other places", "🔔 All other places", "in place"),
    Press("/settings", "Back", "What is posted here", "in place"),
    Press("/settings", "Importance", "By importance", "in place"),
    Press("/settings", "🔔 Smaller news", "🔕 Smaller news", "in place"),
    Press("/settings", "Back", "What is posted here", "in place"),
    Press("/settings", "Quiet 22:00–07:00", "No quiet hours", "in place"),
    Press("/settings", "No quiet hours", "Quiet 22:00–07:00", "in place"),
    Press("/settings", "Mute 2 h", "Unmute", "in place"),
    Press("/settings", "Unmute", "Mute 2 h", "in place"),
    Press("✍️ 634 signatures – past 600", "Mute 1 h", "🤫 Silent until 14 May 2026", "in passing"),
    Press("I am Figurewatch, for: A review", "Show samples", "🧪 Samples: these figures are not real"),
)
