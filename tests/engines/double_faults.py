"""The faults that a test can switch on in the double."""

from dataclasses import dataclass, field


@dataclass
class Faults:
    """What goes wrong. A number named after an event counts down, once per event; -1 never ends."""

    seconds: float = 0.0  # service time of one prompt that computes
    load_seconds: float = 0.0  # added if a model is loaded
    slow_seconds: float = 0.0  # before every HTTP answer
    hold: bool = False  # model nodes do not end until this is False again
    hold_results: bool = False  # the nodes that save or show do not end either
    hang_paths: list[str] = field(default_factory=list)  # these routes never answer; "*": none does
    drip_paths: list[str] = field(default_factory=list)  # these routes answer a few bytes at a time
    drip_from: str = "body"  # or "head": the status line and the headers drip too
    drip_bytes: int = 1
    drip_seconds: float = 0.1  # before each of those pieces
    flood_paths: list[str] = field(default_factory=list)  # the answers of these routes never end
    replaced_bodies: dict[str, str] = field(default_factory=dict)  # route -> what it answers instead
    status: int = 0  # the answer of the routes in status_paths, or of all routes
    status_paths: list[str] = field(default_factory=list)
    blips: int = 0  # a request is answered with 503, unless it is a probe
    unanswered_prompts: int = 0  # POST /prompt works, then the connection is cut
    no_sockets: bool = False  # /ws is refused
    deaf: bool = False  # sockets stay open and get no events
    spoilt_models: list[str] = field(default_factory=list)  # the server goes down at each picture for these models
    die_in_prompt: int = 0  # the server goes down while a model node works
    die_heights: list[int] = field(default_factory=list)  # the server goes down at each picture of these heights
    forget_prompts: int = 0  # the prompt vanishes from queue and history
    interrupt_prompts: int = 0  # somebody else interrupts it
    fail: str = ""  # the model node raises this text
    fail_prompts: int = 0
    fail_heights: list[int] = field(default_factory=list)  # only for pictures of these heights; [] = all
    fail_models: list[str] = field(default_factory=list)  # [] = all
    wrong_masks: list[str] = field(default_factory=list)  # these models keep the background and drop the subject
    missing_input: str = ""  # the model node looks for an input of this name
    missing_nodes: list[str] = field(default_factory=list)
    missing_models: list[str] = field(default_factory=list)
    missing_weights: list[str] = field(default_factory=list)
    mislaid_uploads: int = 0  # the server says that it stored them, but it did not
    corrupt_uploads: int = 0  # stored as rubbish
    empty_results: int = 0  # the history reports success and shows nothing
    swapped_results: int = 0  # computed from another picture
    lost_results: int = 0  # the result's file is deleted
    damaged_results: int = 0  # the result's file is cut short
    small_results: int = 0  # half the size
    late_status: int = 0  # the status of the history entry is null
    remarked_nodes: list[str] = field(default_factory=list)  # POST /prompt queues it, but names errors in these nodes

    def happens(self, name: str) -> bool:
        """Whether this fault happens now. Counts it down."""
        left: int = getattr(self, name)
        if left > 0:
            setattr(self, name, left - 1)
        return left != 0
