"""The codes of everything that is no fault of a workflow file: how it was asked, how it ran, what the store said.

`flowdsl explain` prints these; the codes of files have pages of their own, beside the language.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

CODES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "F070": (
            "a secrets file that cannot be read",
            (
                'A line is NAME=VALUE, or NAME="VALUE" with both quotes; # begins a comment.\n'
                "Secrets are taken from --secrets-file, then the environment, then .env beside the project."
            ),
        ),
        "F071": (
            "flowdsl.toml",
            (
                "All of it is optional:\n\n"
                '  store = ".flowdsl"             # where runs are kept\n'
                '  environment = "staging"        # as --env\n'
                '  progress = "auto"              # auto, tty, plain, json, quiet\n'
                '  color = "auto"                 # auto, always, never\n'
                '  secrets_file = "secrets.env"\n'
                "  no_input = false\n\n"
                "  [env.staging.services]         # replaces the URLs of a workflow\n"
                '  payments = "https://payments.staging.example"\n\n'
                "  [network]\n"
                '  allow = ["169.254.10.20"]      # addresses and networks that would be refused: F130\n\n'
                "A flag wins over the environment (FLOWDSL_STORE, FLOWDSL_ENV, …), which wins over this file."
            ),
        ),
        "F072": (
            "the inputs are not what the workflow declares",
            (
                "  -i name=value       read by the input's type\n"
                "  -i name=@file       what the file holds; @@ is an @\n"
                "  -f inputs.yaml      all of them, YAML or JSON; - is stdin; -i wins\n\n"
                "On a terminal a missing input is asked for; not with --no-input, or where CI is set."
            ),
        ),
        "F073": (
            "a file of inputs that cannot be read",
            "It is a mapping of names to values, in YAML or JSON, UTF-8.",
        ),
        "F074": ("no such file, or no workflow", "A workflow file begins with `flowdsl: 1`."),
        "F075": (
            "a service without a URL",
            (
                "The URL of a service begins with http:// or https://. Where it reads `env.X`, set X in the environment\n"
                "or in .env beside the project, or give the expression a default: ${default(env.X, 'http://localhost:9000')}."
            ),
        ),
        "F076": ("an unknown environment", "--env NAME takes [env.NAME.services] of flowdsl.toml."),
        "F077": (
            "a secret without a value",
            (
                "Secrets are taken from --secrets-file, then the environment, then .env beside the project.\n"
                "They are checked before the first call, and never stored."
            ),
        ),
        "F078": ("no such page", "flowdsl explain takes a code or a key of the language."),
        "F079": (
            "a command line that cannot be read",
            "flowdsl --help lists the commands, flowdsl COMMAND --help its flags.",
        ),
        "F080": (
            "stdout cannot be written",
            "The run itself is safe: flowdsl status --json prints it again.",
        ),
        "F081": (
            "a file that cannot be written",
            "init overwrites nothing; -o writes where you may.",
        ),
        "F082": (
            "an event that starts nothing",
            (
                "`--event` takes a CloudEvent in structured JSON whose type is the one that the file's `trigger` names.\n"
                "An event starts one run, however often it comes: its `source` and `id` say which event it is."
            ),
        ),
        "F083": (
            "stopped",
            "Ctrl-C, before there was anything to show. What was acknowledged is on disk: `flowdsl list` shows the runs.",
        ),
        "F110": (
            "refused",
            "The service said no. A 4xx is an answer: it is not tried again, and the step holds nothing.",
        ),
        "F111": (
            "unknown",
            (
                "The request was sent and nobody knows what became of it. It is asked again with the same key, probed, undone,\n"
                "or put before a person; it is never taken for a no."
            ),
        ),
        "F112": (
            "not sent",
            "No byte left: no such host, nobody listens, or no connection in time. It may be tried again.",
        ),
        "F113": (
            "a 2xx that says no",
            "The answer did not meet `expect`. The service said no in its own words, and holds nothing.",
        ),
        "F114": (
            "an expression that failed while the run ran",
            "Nothing was sent for it. A missing field names those there are; default(x, y) is the way round it.",
        ),
        "F115": ("a `fail` step", "The workflow itself said that the run must not go on."),
        "F116": (
            "a `for_each` that is too long",
            "A list has at most 1,000 items, so that a run stays small enough to be looked at. `chunks(list, n)` makes fewer of them.",
        ),
        "F117": (
            "the run's timeout",
            "Before commit it cancels, which undoes; after commit it only warns.",
        ),
        "F118": (
            "an answer that cannot be judged",
            "The service said 2xx, and the body could not be read or judged. It happened; it is looked up or undone.",
        ),
        "F119": ("cancelled", "A person asked for it. Everything done is undone."),
        "F120": (
            "a secret has changed",
            "Its request was sent before with another secret in the body, so it cannot be sent again as it was. Nothing was sent.",
        ),
        "F121": (
            "parked",
            "The run took its process down ten times without getting on. `flowdsl resume` tries again.",
        ),
        "F122": (
            "an answer that does not fit its contract",
            (
                "The answer is not what the service's OpenAPI document says. It is a warning, and the run goes on with it.\n"
                "Where the service says `strict: true`, the answer is not believed: a read is refused, and a change counts as\n"
                "unknown, because it happened: it is asked again, probed or undone, with what the answer did say."
            ),
        ),
        "F126": (
            "what may fail could not be undone",
            (
                "Its undo was refused, or nothing undoes it. It says `critical: false` or is an item of a `settled` list, so the run is\n"
                "not stuck for it: it goes on, and `residue` names what stands. Undo it by hand."
            ),
        ),
        "F128": (
            "lost to another item",
            "Enough items of a `for_each` had succeeded. What this one did is undone; nothing went wrong.",
        ),
        "F123": (
            "too few items",
            "A `first_success` or `quorum` has fewer items than have to succeed. Look at where the list comes from.",
        ),
        "F124": (
            "a signal that did not come in time",
            "The `timeout` of a `wait_for` passed before `flowdsl signal` answered it. Before commit that undoes the run.",
        ),
        "F125": (
            "a detached run that could not be started",
            "What `with` gives is not what the other file asks for. `flowdsl validate` says what is known beforehand.",
        ),
        "F129": (
            "a key without a value",
            "Runs with the same `key` go one at a time, so it is worked out before the run starts, from inputs and environment.",
        ),
        "F130": (
            "a service at an address where none may be",
            (
                "Link-local addresses and those of cloud metadata hand out the machine's own credentials, so nothing is sent there,\n"
                "whatever name leads to them. If a service of yours is at one, allow it in flowdsl.toml:\n\n"
                "  [network]\n"
                '  allow = ["169.254.10.20", "fe80::/10"]\n\n'
                "Loopback and private networks are allowed as they are."
            ),
        ),
        "F131": (
            "a definition that cannot be read",
            (
                "A run keeps its own copy of its file. This one is missing, is not what it was, or was made by a later flowdsl.\n"
                "A new run of the same files writes it anew, and the runs that are pinned to it can go on."
            ),
        ),
        "F140": (
            "nothing has run here",
            "The store is made by the first run, beside the project: the nearest folder upwards with flowdsl.toml, .flowdsl or .git.",
        ),
        "F141": (
            "which run?",
            (
                "What cannot be taken back, `cancel` and `resume` with --skip or --resolve, is done without a name only where\n"
                "exactly one run is unfinished. `flowdsl list` shows them; any unique beginning of an id is enough."
            ),
        ),
        "F142": (
            "no such step",
            "A step is named by its address (book/flight) or, where it is unique, its id (flight).",
        ),
        "F143": (
            "past the commit line",
            "Nothing is undone any more. What still fails there makes the run stuck, and `flowdsl resume` goes on.",
        ),
        "F144": (
            "not stuck, or known better",
            (
                "--retry, --skip and --resolve are for what is stuck; `flowdsl status` shows it. They speak of the direction that is stuck:\n"
                "of an undo, --ok says that it is undone, and --absent that there was nothing to undo. Where the service has answered that\n"
                "the step happened, --absent is refused; say with --skip and a reason who undid it."
            ),
        ),
        "F145": (
            "the run is over",
            "Nothing can be ordered of it any more. `flowdsl rerun` starts a new one from its inputs.",
        ),
        "F146": ("not sent", "Nothing was sent for this step, so there is nothing to repeat."),
        "F200": (
            "the store cannot be used",
            (
                "The disk said no, or the folder may not be written. Before a run starts this is exit code 2 and nothing was sent;\n"
                "while it runs it is 74: nothing more was sent, and `flowdsl resume` goes on once the disk is well."
            ),
        ),
        "F201": (
            "no room left",
            "No new call was sent; what was already out was still recorded, from a reserve. Make room, then `flowdsl resume`.",
        ),
        "F202": (
            "made by a newer flowdsl",
            "This flowdsl does not know everything in the store, so it touches nothing. Update it.",
        ),
        "F203": (
            "damage",
            (
                "Records do not bear the checksums they were written with, or a file of the store is not what was written.\n"
                "The runs it belongs to are not touched; all others go on. `flowdsl fsck` explains, and never guesses."
            ),
        ),
        "F204": (
            "driven by another process",
            "Each run is driven by one process. `flowdsl resume` follows it, or takes it over once that process is dead.",
        ),
        "F205": (
            "no such run",
            "`flowdsl list` shows them. Any unique beginning of an id works; no id is the newest run.",
        ),
        "F206": (
            "the id is taken",
            (
                "--id starts a run once: the same id, file and inputs again attach to that run. Other inputs need another id.\n"
                "An event starts one run too: with --id as well it is the run of that id, and of no other."
            ),
        ),
        "F207": (
            "no run id",
            "Letters, digits, `.`, `_` and `-`, at most 64 of them, the first a letter or a digit.",
        ),
        "F208": (
            "the journal cannot be trusted any more",
            "A write or its sync failed, or somebody else touched the file. This process stops; nothing more was sent.",
        ),
        "F209": (
            "a record that cannot be written or read",
            "A fact of the run cannot be put into the journal, or is not what a journal holds.",
        ),
        "F210": (
            "another process holds the store",
            "It has been at it for long; perhaps it was stopped with Ctrl-Z. `fg`, or end it.",
        ),
        "F211": (
            "a store that others may write",
            "Whoever may write a store can make runs send what they like. It is made for its owner alone: 0700, its files 0600.",
        ),
        "F147": (
            "nobody waits for this signal",
            "A signal answers a `wait_for` by its name. `flowdsl status` shows what a run waits for.",
        ),
        "F148": (
            "a signal that was answered before",
            "Each `wait_for` takes one signal, and the first one counts; nothing was kept of this one.",
        ),
        "F149": (
            "a signal that does not say what is asked for",
            "The payload has to fit the `schema` of the `wait_for`; nothing was kept of it.",
        ),
        "F150": (
            "a trail that cannot be read",
            "A trail is a list of happenings, as flowdsl prints it: `ok flight · lose reply hotel · crash`.",
        ),
        "F151": ("a trail that cannot happen", "At that point of the run, this cannot come next."),
        "F197": (
            "a library that is too old",
            "What is installed beside flowdsl is older than it needs: nothing was sent. The message says what to type.",
        ),
        "F198": (
            "no memory left",
            (
                "Nothing more was sent, and a run is on disk as far as it got: `flowdsl resume` goes on with it, given more memory.\n"
                "An answer that memory does not suffice for is no reason: it is taken for cut, and the outcome is unknown."
            ),
        ),
        "F199": (
            "a bug in flowdsl",
            "The report holds types, places and versions, no values. Please paste it into an issue.",
        ),
    }
)
