"""The commands: each takes its words, calls what knows nothing of them, and prints what came of it.

They import what they need where they use it, so that each starts fast.
"""
