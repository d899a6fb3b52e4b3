"""The words that the language check refuses, what to write instead, and the exceptions.

Data only; `check_language` applies it. Each rule carries examples of both kinds, and a test holds
every rule against its own.
"""

import re
from dataclasses import dataclass, field
from typing import Final

__all__ = ["ALLOWED", "EXEMPT", "RULES", "Allowed", "Rule"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One thing not to write.

    Attributes:
        name: stable, for exceptions and for the report.
        word: regular expression of what is refused; a space in it stands for any white space, so
            a phrase is found across the end of a line.
        instead: the plain alternative, as a hint for the author.
        fine: regular expression of phrases around `word` that are good English.
        identifiers: whether the word is refused in names of code and files too.
        bad: texts that the rule must refuse.
        good: texts that it must not refuse.
    """

    name: str
    word: str
    instead: str
    fine: str = ""
    identifiers: bool = False
    bad: tuple[str, ...]
    good: tuple[str, ...] = ()
    pattern: re.Pattern[str] = field(init=False)

    def __post_init__(self) -> None:
        """Compile: where `fine` matches, it takes the text away from `word`."""
        parts = [f"(?:{self.fine})"] if self.fine else []
        parts.append(f"(?P<hit>{self.word})")
        text = "|".join(parts).replace(" ", r"\s+")
        object.__setattr__(self, "pattern", re.compile(text, re.IGNORECASE))


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowed:
    """An exception, which must have a reason and be needed.

    Attributes:
        rule: name of the rule.
        path: glob on the path from the root of the checkout.
        text: regular expression that must match somewhere in the line.
        reason: why the word is right here.
    """

    rule: str
    path: str
    text: str
    reason: str

    def matches(self, line: str) -> bool:
        """Whether the exception is about this line."""
        return re.search(self.text, line) is not None


# no text of ours, or about the words themselves; glob to reason
EXEMPT: Final = {
    "*LICENSE": "the license's own text",
    "docs/assets/*.js": "vendored",
    "CHANGELOG.md": "quotes former names",
    "changelog.d/+names.changed.md": "lists the former names",
    "*.lock": "generated",
    "*.json": "data: schemas and recorded answers of other programs",
    "*.png": "no text",
    "*.svg": "drawn by a program",
    "tests/support/language_rules.py": "names the words in order to refuse them",
    "tests/unit/support/test_check_language.py": "the same",
    "docs/*style.md": "shows text before and after",
}

_PERSON: Final = (
    "people|persons?|those|users?|operators?|contributors?|maintainers?|reporters?"
    "|developers?|administrators?|attackers?|readers?|authors?|reviewers?|customers?"
)
_BE: Final = "(?:is|are|was|were|be|been|being)"

RULES: Final = (
    # --- subjects are things -----------------------------------------------------------------
    Rule(
        name="person",
        word=r"\b(?:(?:some|any|every)(?:body|one)|no(?:body|-one| one)|whom?(?:so)?ever)\b",
        fine=r"\bnobody:nogroup\b|\bno one of\b",
        identifiers=True,
        instead="name the actor (the operator, another process), or make the thing the subject",
        bad=(
            "Somebody holds the lock.",
            "for whoever asks",
            "nobody has\nread it",
            "everybody who asks",
            "no one reads it",
            "def wait_for_anyone",
        ),
        good=("chown nobody:nogroup", "some body of a request", "in no one of the four zones"),
    ),
    Rule(
        name="who",
        word=r"\bwhom?\b",
        fine=rf"\b(?:{_PERSON}),? who\b|--kill-whom?\b",
        instead="name the thing: 'the process that holds the lock', 'which identity'",
        bad=("It says who holds the lock.", "Who the operator is", "last: who finds this"),
        good=("Operators who run several bots", "a user\nwho logs in", "whoami", "whose server"),
    ),
    # --- settled terms -----------------------------------------------------------------------
    Rule(
        name="memory",
        word=(
            r"\b(?:(?:bot|bots|instance|another)(?:'s|')|its|the|no|one|two|same|whose|local|empty)"
            r" memory\b"
            r"|\bmemory (?:is (?:safe|an image|mounted|kept|on)|goes|lives|stays|survives|outlives)"
            r"|\bmemory (?:on|to) the share|\bmemory and (?:the |its )?(?:secrets|address|token)"
        ),
        fine=(
            r"\b(?:the|its|no|same) memory (?:limit|size|usage|pressure|controller|cgroup|of the"
            r" (?:machine|process|container|kernel|host)|that)\b"
        ),
        instead="'bot data' for what outlives the instance; memory is RAM",
        bad=(
            "The bot's memory is on the share.",
            "bring the memory\nto the share",
            "whose memory may go",
            "Memory and address stay",
            "the memory is safe",
        ),
        good=(
            "4 GB of memory",
            "killed for lack of memory",
            "a file system in memory",
            "the memory limit in bytes",
            "CPUs and memory",
            "JavaScript heap out of memory",
        ),
    ),
    Rule(
        name="rest",
        word=r"(?<![$\w.*-])rest(?:s|ed|ing)?\b",
        fine=r"\b(?:the|at) rest\b|(?-i:REST)|\brest-error-codes\b|\brest of\b|\brest on\b",
        instead="'back off', 'back-off': 'waits 5 minutes before the next attempt'",
        bad=(
            "Which failures rest",
            "lets it rest",
            "repairs do not\nrest",
            "started by hand, rests",
        ),
        good=("the rest of the run", "encryption at rest", "the REST API", "first, *rest = lines"),
    ),
    Rule(
        name="pace",
        word=r"\bpac(?:e|es|ed|ing)\b",
        identifiers=True,
        instead="'back-off' for repeated attempts, 'rate' for a speed, 'interval' for a period",
        bad=("runs are paced", "run --paced", "its own pace", "class StagePace", "pace: Pace"),
        good=("space", "paceless"),
    ),
    Rule(
        name="departure",
        word=r"\bdepart(?:ures?|s|ed|ing)?\b",
        identifiers=True,
        instead="'shutdown'; the verb is 'leave'",
        bad=(
            "the instance's departure",
            "clawbot_agent/departure/report.py",
            "class DepartureError",
        ),
        good=("department",),
    ),
    Rule(
        name="wish",
        word=r"\bwish(?:es|ed|ing)?\b",
        identifiers=True,
        instead="'leave request'",
        bad=("an operator's wish", "read_wish", "class Wish"),
        good=("swish",),
    ),
    Rule(
        name="held",
        word=(
            r"\breplacements?\b[^.\n\0]{0,24}\bheld\b|\bheld\b[^.\n\0]{0,30}\breplace"
            r"|\bheld, no further\b|(?:\bverdict|\ba) [`'\"]hold[`'\"]"
        ),
        instead="'replacement suspended'",
        bad=("replacement: held, no further instance", "a verdict `hold`", "come to a `hold`"),
        good=("the lease is held", "the lock is held by process 9", "hold the lease"),
    ),
    Rule(
        name="cure",
        word=r"\bcure[sd]?\b",
        identifiers=True,
        instead="'failure cause'; 'fix' for the verb",
        bad=("what cures it", "clawbot_agent.cures", "class Cure"),
        good=("secure", "procure"),
    ),
    Rule(
        name="reticent",
        word=r"\breticen(?:t|ce)\b",
        identifiers=True,
        instead="'quiet'",
        bad=("a reticent event log", "reticent.py"),
    ),
    # --- of the project's own making ---------------------------------------------------------
    Rule(
        name="told",
        word=r"\btold\b",
        fine=r"\btold (?:to|apart)\b",
        instead="'reported', 'shown', 'logged': say where it appears",
        bad=("Azure has not been told.", "is told with 200", "everybody else is told that"),
        good=("systemd is told to stop it", "names that are told apart"),
    ),
    Rule(
        name="asked-for",
        word=rf"\b{_BE} asked for\b|\bnone {_BE} \w+ for\b",
        instead="'requested', 'required'; 'no replacement is requested'",
        bad=("none is asked for", "no further one is asked\nfor", "what is asked for"),
        good=("asks for a token", "the operator asked for it"),
    ),
    Rule(
        name="room",
        word=r"\brooms?\b",
        instead="'space' on a disk; 'package' or 'module' in the code; 'capacity'",
        bad=("The share has no room for the state.", "small rooms"),
        good=("headroom", "STATE_NO_ROOM"),
    ),
    Rule(
        name="house",
        word=r"\bhouses?\b",
        fine=r"\bin-house\b",
        instead="'architecture', 'layout', 'project'",
        bad=("The house stands as it was drawn", "house rules"),
        good=("warehouse", "an in-house mirror"),
    ),
    Rule(
        name="door",
        word=r"\bdoors?\b",
        fine=r"\bback ?doors?\b|\bnext door\b",
        instead="'interface', 'port', 'entry point'",
        bad=("one door to the machine",),
        good=("indoor", "a back door"),
    ),
    Rule(
        name="paper-machine",
        word=r"\bpaper machines?\b",
        instead="'simulated machine'",
        bad=("a paper machine",),
        good=("paper, machine",),
    ),
    Rule(
        name="eyes",
        word=r"\b(?:pairs? of|fresh) eyes\b",
        instead="'reviewer'",
        bad=("a fresh pair of eyes",),
    ),
    # --- idiom -------------------------------------------------------------------------------
    Rule(
        name="words",
        word=r"\b(?:own|last|very) words\b",
        instead="'message', 'output': 'the last lines of the log'",
        bad=("in Azure's own words", "its last words"),
        good=("two words", "crosswords"),
    ),
    Rule(
        name="lease-back",
        word=r"\blease (?:is |was )?given back\b|\bg[ia]ve[sn]? (?:the |its )?lease back\b",
        instead="'release the lease'",
        bad=("the lease is given back", "give the lease back", "the lease given back and"),
        good=("give back the file",),
    ),
    Rule(
        name="anew",
        word=r"\banew\b",
        instead="'again'; 'restart', 'remount', 'rebuild' for one that is done again",
        bad=("mounts it anew", "starts anew"),
        good=("renew",),
    ),
    Rule(
        name="for-ever",
        word=r"\bfor ever\b",
        instead="'forever', 'without limit', 'permanently'",
        bad=("would hold the lock for ever",),
        good=("for every bot", "forever"),
    ),
    Rule(
        name="of-ours",
        word=r"\bof (?:ours|root's)\b",
        instead="'that the agent created', 'that root owns'",
        bad=("unused images of ours", "from files of root's"),
        good=("of our own", "of hours"),
    ),
    Rule(
        name="by-turns",
        word=r"\bby turns\b|\bturn by turn\b",
        instead="'alternately', 'one after another'",
        bad=("fail by turns with one error and another",),
        good=("in turn",),
    ),
    Rule(
        name="to-nothing",
        word=r"\bc[ao]mes? to nothing\b|\bin vain\b|\bto no avail\b",
        instead="'fails', 'has no effect'",
        bad=("If the reimage then comes to nothing",),
    ),
    Rule(
        name="taken-for",
        word=rf"\b(?:{_BE}|not|never) taken for\b",
        fine=rf"\b(?:{_BE} )?taken for (?:granted|(?:\w+ )?(?:seconds?|minutes?|hours?|days?))\b",
        instead="'mistaken for', 'treated as'",
        bad=("must not be taken for a broken one", "is not taken for installed"),
        good=("nothing was taken for two minutes", "taken for granted"),
    ),
    Rule(
        name="put-right",
        word=r"\b(?:put|set)(?:s|ting)?(?: it| them)? right\b(?!-)",
        instead="'repair', 'correct', 'restore'",
        bad=("a timer that puts right what changed", "set it right"),
        good=("put rights on the vault", "set right-hand margin"),
    ),
    Rule(
        name="well",
        word=rf"\b(?:{_BE}|ends?|ended|all|comes?|not) well(?! (?:known|formed|kept|below))\b",
        fine=rf"\b(?:{_BE} )?well-|\bas well\b",
        instead="'healthy' for a bot, 'succeeds' for a run or a command",
        bad=("in case all is well", "a first boot that ends well", "whether the stages were well"),
        good=("is well known", "as well", "is well below the limit", "is well-formed"),
    ),
    Rule(
        name="how-it-is",
        word=(
            r"\bhow (?:it|they|(?:the|a|an|its) \w+) (?:is|are|was)"
            r"(?=[ ]?[.,;:)\"]|[ ]?$| (?:at any time|and))"
        ),
        instead="'the state of', 'whether it is healthy'",
        bad=("how the bot is, at any time", "Says how it is."),
        good=("how it is computed", "how the wheel is built"),
    ),
)

# the words that these rules are about, where they are right
ALLOWED: Final[tuple[Allowed, ...]] = (
    Allowed(
        rule="memory",
        path="agent/*",
        text=r"direct I/O wants its memory",
        reason="RAM: alignment of a buffer",
    ),
)
