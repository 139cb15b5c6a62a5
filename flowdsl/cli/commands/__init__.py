"""One command a file, loaded when it is called (`cli/group.py`): its flags, and what it prints. The work is done below."""
