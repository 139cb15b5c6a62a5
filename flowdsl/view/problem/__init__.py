"""What is wrong with files: `diagnostic.py` for people, by `frame.py`; `formats.py` for programs."""
