"""The long run: everything goes wrong, again and again, and the chats are the only judge."""
