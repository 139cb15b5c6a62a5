"""Every code that flowdsl says, once. `flowdsl explain F203` prints what it means: `language/pages/F203.md`.

A code is never given to something else, for people have written it down.
"""

from __future__ import annotations

from enum import StrEnum


class Code(StrEnum):
    """Equal to its text."""

    @property
    def is_about_files(self) -> bool:
        """Said of a workflow file, with a severity: `language/text/diagnostics.py`. The others are said of a run or a command."""
        return self < "F070" or "F090" <= self < "F100"

    # --- the text of a file

    UNQUOTED_EXPRESSION = "F001"
    UNQUOTED_COLON = "F002"
    UNCLOSED_QUOTE = "F003"
    NOT_YAML = "F004"
    ALLOWED_WITHOUT_REASON = "F006"
    FILE_OVER_LIMIT = "F007"
    CUT_BY_COMMENT = "F008"
    UNUSED_YAML = "F009"

    # --- the shape of a workflow

    BELOW_COMMIT = "F010"
    MISPLACED_COMMIT = "F011"
    NOT_UNDOABLE = "F012"
    UNDO_NEEDS_ANSWER = "F013"
    VISIBLE_SECRET = "F014"
    EXPECT_ENDS_STUCK = "F015"
    CYCLE = "F016"
    FAIL_BELOW_COMMIT = "F017"
    STATUS_INSIDE_PARALLEL = "F018"
    NOT_A_SIBLING = "F019"
    UNKNOWN_KEY = "F020"
    MISSING_KEY = "F021"
    WRONG_KIND = "F022"
    NOT_ONE_VERB = "F023"
    REPEATED_KEY = "F024"
    NOT_SNAKE_CASE = "F025"
    NAME_TAKEN = "F026"
    UNKNOWN_SERVICE = "F030"
    UNUSABLE_FILE = "F031"
    ARGUMENTS_DO_NOT_FIT = "F032"
    FILE_USES_ITSELF = "F033"
    LOSERS_STAY = "F034"
    COMMITS_TOO_EARLY = "F035"
    KEY_WITHOUT_EFFECT = "F036"

    # --- expressions

    UNREADABLE_EXPRESSION = "F040"
    UNKNOWN_NAME = "F041"
    UNKNOWN_FIELD = "F042"
    MAY_BE_NULL = "F043"
    WRONG_TYPE = "F044"
    USED_TOO_EARLY = "F045"
    CONSTANT_CONDITION = "F046"
    EXPRESSION_TOO_LONG = "F047"

    # --- habits

    RETRIES_OUTLAST_RUN = "F060"
    COULD_BE_PARALLEL = "F061"
    COULD_BE_ONE_CALL = "F062"
    URL_OUTSIDE_SERVICES = "F063"
    HOLD_TOO_SHORT = "F064"
    REPEATED_CALLS = "F065"
    NEVER_CONFIRMED = "F066"
    ENDLESS_WAIT = "F067"
    WRITTEN_CREDENTIAL = "F068"
    SHORT_SECRET = "F069"

    # --- how flowdsl was asked

    UNREADABLE_SECRETS_FILE = "F070"
    WRONG_SETTINGS = "F071"
    WRONG_INPUTS = "F072"
    UNREADABLE_INPUTS_FILE = "F073"
    NO_WORKFLOW_FILE = "F074"
    SERVICE_WITHOUT_URL = "F075"
    UNKNOWN_ENVIRONMENT = "F076"
    MISSING_SECRET = "F077"
    NO_PAGE = "F078"
    WRONG_USAGE = "F079"
    CLOSED_STDOUT = "F080"
    UNWRITABLE_FILE = "F081"
    EVENT_STARTS_NOTHING = "F082"
    STOPPED = "F083"

    # --- contracts of services

    UNREADABLE_OPENAPI = "F090"
    UNUSABLE_OPENAPI_PART = "F091"
    NO_OPERATION = "F092"
    UNKNOWN_QUERY_PARAMETER = "F093"
    MISSING_IN_REQUEST = "F094"
    REFUSED_FIELD = "F095"
    UNLISTED_FIELD = "F096"
    REFUSED_VALUE = "F097"
    REFUSED_BODY = "F098"

    # --- what happens in a run

    REFUSED = "F110"
    UNKNOWN_OUTCOME = "F111"
    NOT_SENT = "F112"
    NOT_EXPECTED = "F113"
    FAILED_EXPRESSION = "F114"
    FAIL_STEP = "F115"
    TOO_MANY_ITEMS = "F116"
    RUN_TIMEOUT = "F117"
    UNJUDGED_ANSWER = "F118"
    CANCELLED = "F119"
    CHANGED_SECRET = "F120"
    PARKED = "F121"
    BROKEN_CONTRACT = "F122"
    TOO_FEW_ITEMS = "F123"
    SIGNAL_TIMEOUT = "F124"
    DETACHED_NOT_STARTED = "F125"
    NOT_UNDONE = "F126"
    LOST_TO_ANOTHER = "F128"
    NO_KEY_VALUE = "F129"
    FORBIDDEN_ADDRESS = "F130"
    UNREADABLE_DEFINITION = "F131"

    # --- orders

    EMPTY_STORE = "F140"
    WHICH_RUN = "F141"
    NO_STEP = "F142"
    PAST_COMMIT = "F143"
    NOT_STUCK = "F144"
    RUN_IS_OVER = "F145"
    NOTHING_SENT = "F146"
    NO_WAIT = "F147"
    ANSWERED_BEFORE = "F148"
    ILL_TYPED_SIGNAL = "F149"
    UNREADABLE_TRAIL = "F150"
    IMPOSSIBLE_TRAIL = "F151"
    MOVED_ON = "F152"

    # --- the process

    LIBRARY_TOO_OLD = "F197"
    OUT_OF_MEMORY = "F198"
    BUG = "F199"

    # --- the store

    UNUSABLE_STORE = "F200"
    DISK_FULL = "F201"
    NEWER_FLOWDSL = "F202"
    DAMAGED = "F203"
    DRIVEN_ELSEWHERE = "F204"
    NO_RUN = "F205"
    ID_TAKEN = "F206"
    NOT_A_RUN_ID = "F207"
    JOURNAL_LOST = "F208"
    UNSTORABLE = "F209"
    STORE_HELD = "F210"
    EXPOSED_STORE = "F211"
