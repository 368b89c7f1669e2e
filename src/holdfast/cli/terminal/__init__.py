"""Prompts, of `sql` and of `shell`: interrupts.py what Ctrl-C means at any moment, history.py what was typed before."""
