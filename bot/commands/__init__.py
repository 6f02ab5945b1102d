"""What people may do in Telegram, and how the worker hears of it."""
