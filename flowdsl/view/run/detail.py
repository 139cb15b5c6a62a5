"""What became of a step, for a picture and for a table."""

from __future__ import annotations

from msgspec import Struct

from flowdsl.saga.collecting import LOST


class Detail(Struct, frozen=True):
    """What became of a step. A table has columns for the state, the tries and what was lost; a picture says all in one line."""

    said: str = ""
    state: str = ""
    tries: str = ""
    then: str = ""
    is_lost: bool = False
    is_warned: bool = False

    @property
    def text(self) -> str:
        head = f"{self.state}: {self.said}" if self.state and self.said else self.state or self.said
        if self.is_warned:
            head = joined(f"warning: {self.state}", self.said)
        return joined(LOST if self.is_lost else "", head, self.tries, self.then)

    def beside(self, seen: str) -> str:
        """What is left to say beside that state."""
        state = "warning" if self.is_warned else self.state if self.state != seen else ""
        said = self.said if self.said != seen else ""
        return joined(state, said, self.then)


def joined(*words: str) -> str:
    return " · ".join(word for word in words if word)
